// Writes a tensor bundle of one shard. The values are not copied.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/byte_sink.h"
#include "core/formats/tensor_bundle/bundle_reader.h"

namespace keras {

class BundleWriter {
 public:
  /// Values of `bytes.size()` bytes that `owner` keeps alive. Values stand in the shard in the order of these calls.
  void add(std::string name, int32_t dtype, std::vector<int64_t> shape, std::span<const std::byte> bytes,
           std::shared_ptr<const void> owner);
  /// A tensor of strings, which are copied.
  void add_strings(std::string name, std::vector<int64_t> shape, std::span<const std::string> values);
  /// `<prefix>.data-00000-of-00001` and `<prefix>.index`.
  std::vector<OutputFile> finish(const std::string& prefix);

 private:
  OutputFile data_;
  int64_t offset_ = 0;
  std::map<std::string, BundleEntry> entries_;
};

}  // namespace keras
