// Object headers of version 1 and 2: the messages of an object through all continuations of its header.
#pragma once

#include <vector>

#include "core/formats/hdf5/object_parser.h"

namespace keras::hdf5 {

struct RawMessage {
  uint16_t type;
  uint8_t flags;
  std::vector<std::byte> data;
  int64_t offset;  // of the data in the file
};

constexpr uint8_t kSharedFlag = 2;

std::vector<RawMessage> read_header(const FileView& file, uint64_t address);

}  // namespace keras::hdf5
