// What an HDF5 file holds, as both reader and writer see it. Layout: docs/formats/hdf5.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace keras::hdf5 {

enum class TypeClass { kInteger, kFloat, kBoolean, kFixedString, kVlenString, kOpaque, kOther };

/// The type of an element.
struct Type {
  TypeClass type_class = TypeClass::kOther;
  int64_t bytes = 0;
  bool big_endian = false;
  bool is_signed = true;
};

struct Attribute {
  std::string name;
  Type type;
  std::vector<int64_t> shape;  // empty: a scalar
  std::vector<std::byte> data;
  int64_t offset = 0;  // of the data in the file
};

/// One chunk of a chunked dataset.
struct Chunk {
  std::vector<int64_t> start;  // index of its first element
  int64_t offset, bytes;       // in the file
  uint32_t skipped_filters;    // bit i: filter i was not applied

  bool applied(size_t filter) const { return filter >= 32 || (skipped_filters >> filter & 1) == 0; }
};

enum class Filter { kDeflate = 1, kShuffle = 2, kFletcher32 = 3 };

/// Where the elements of a dataset are.
struct Dataset {
  Type type;
  std::vector<int64_t> shape;
  enum class Layout { kContiguous, kCompact, kChunked, kUnallocated } layout = Layout::kUnallocated;
  int64_t offset = 0;                // contiguous
  std::vector<std::byte> compact;    // compact
  std::vector<int64_t> chunk_shape;  // chunked
  std::vector<Chunk> chunks;
  std::vector<Filter> filters;
  std::vector<std::byte> fill;  // of one element that was never written; empty: zeros

  int64_t elements() const {
    int64_t count = 1;
    for (const int64_t dim : shape) count *= dim;
    return count;
  }
  int64_t size_bytes() const { return elements() * type.bytes; }
};

/// What the elements of a dataset become in memory. None: they stay as they are.
struct Conversion {
  int64_t bytes = 0;  // of an element in memory
  /// Of `count` elements, little-endian. Makes zeros of bytes that are zero.
  std::function<void(const std::byte* from, std::byte* to, int64_t count)> convert = nullptr;
};

constexpr uint64_t kUndefined = ~uint64_t{0};
constexpr int64_t kSignatureBytes = 8;
constexpr uint8_t kSignature[kSignatureBytes] = {0x89, 'H', 'D', 'F', '\r', '\n', 0x1A, '\n'};

/// Types of object header messages.
enum Message : uint16_t {
  kDataspace = 0x01,
  kLinkInfo = 0x02,
  kDatatype = 0x03,
  kOldFillValue = 0x04,
  kFillValue = 0x05,
  kLink = 0x06,
  kExternalFiles = 0x07,
  kLayout = 0x08,
  kFilterPipeline = 0x0B,
  kAttribute = 0x0C,
  kContinuation = 0x10,
  kSymbolTable = 0x11,
  kAttributeInfo = 0x15,
};

}  // namespace keras::hdf5
