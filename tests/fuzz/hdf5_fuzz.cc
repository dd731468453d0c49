// HDF5 files: everything that can be reached is read. Checksums count as right (unchecked.cc), so that what they protect is
// reached as well.
#include "core/formats/hdf5/hdf5_reader.h"
#include "tests/fuzz/fuzz.h"

using namespace keras;
using namespace keras::fuzz;

namespace {

constexpr int64_t kLargest = 1 << 20;  // of the datasets that are read
constexpr int kDeepest = 6;

/// Reads the object at a path and what is below it, as long as there is something left of `budget`.
void read_all(const hdf5::Reader& reader, const std::string& path, int depth, int& budget) {
  const hdf5::Object& object = reader.at(path);
  for (const hdf5::Attribute& attribute : object.attributes) {
    if (--budget < 0) return;
    survives([&] { reader.strings(attribute); });
  }
  if (object.dataset) {
    const hdf5::Dataset& dataset = *object.dataset;
    reader.plain_offset(dataset);
    if (dataset.size_bytes() <= kLargest) {
      survives([&] {
        FileBytes out(static_cast<size_t>(dataset.size_bytes()));
        reader.read(dataset, path, out);
      });
    }
  }
  if (depth == kDeepest) return;
  const auto below = [&](const std::string& name) {
    if (--budget >= 0) survives([&] { read_all(reader, path + "/" + name, depth + 1, budget); });
  };
  for (const auto& [name, address] : object.links) below(name);
  for (const auto& [name, target] : object.soft_links) below(name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  survives([&] {
    int budget = 200;
    read_all(hdf5::Reader::open(source_of(bytes_of(data, size)), small_limits()), "", 0, budget);
  });
  return 0;
}
