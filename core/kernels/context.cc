// The single-threaded runner and scratch memory.
#include "core/kernels/context.h"

namespace keras::kernels {
namespace {

class Serial final : public Parallel {
 public:
  int width() const override { return 1; }
  void run(int64_t tasks, FunctionRef<void(int64_t, int)> task) override {
    for (int64_t i = 0; i < tasks; ++i) task(i, 0);
  }
};

constexpr size_t kAlignment = 64;

}  // namespace

std::unique_ptr<Parallel> make_serial() { return std::make_unique<Serial>(); }

void* Scratch::get(int worker, size_t bytes) {
  Block& block = blocks_[static_cast<size_t>(worker)];
  if (block.bytes < bytes) {
    block.memory.reset();
    block.memory = std::make_unique_for_overwrite<std::byte[]>(bytes + kAlignment);
    block.bytes = bytes;
  }
  void* start = block.memory.get();
  size_t space = block.bytes + kAlignment;
  return std::align(kAlignment, bytes, start, space);
}

}  // namespace keras::kernels
