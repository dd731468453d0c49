// Parsing of protocol buffers, without the log that the library writes about broken ones: the core never prints.
#pragma once

#include <google/protobuf/message_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <climits>
#include <cstddef>
#include <span>

namespace keras {

/// False if the bytes are no such message.
inline bool parse_proto(std::span<const std::byte> bytes, google::protobuf::MessageLite& message) {
  static const bool quiet = (google::protobuf::SetLogHandler(nullptr), true);
  if (bytes.size() > INT_MAX) return false;
  const void* begin = bytes.empty() ? static_cast<const void*>("") : bytes.data();  // the library copies from it, even nothing
  return quiet && message.ParseFromArray(begin, static_cast<int>(bytes.size()));
}

}  // namespace keras
