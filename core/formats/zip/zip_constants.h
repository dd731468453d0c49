// Signatures and sizes of zip structures (APPNOTE.TXT 6.3.10).
#pragma once

#include <cstddef>
#include <cstdint>

namespace keras::zip {

constexpr uint32_t kLocalHeader = 0x04034B50;
constexpr uint32_t kCentralHeader = 0x02014B50;
constexpr uint32_t kEndOfDirectory = 0x06054B50;
constexpr uint32_t kEndOfDirectory64 = 0x06064B50;
constexpr uint32_t kLocator64 = 0x07064B50;

constexpr int64_t kLocalHeaderBytes = 30;
constexpr int64_t kCentralHeaderBytes = 46;
constexpr int64_t kEndBytes = 22;
constexpr int64_t kLocator64Bytes = 20;
constexpr int64_t kEnd64Bytes = 56;
constexpr int64_t kMaxCommentBytes = 65535;
constexpr size_t kMaxNameBytes = 65535;

constexpr uint16_t kFlagEncrypted = 1;
constexpr uint16_t kFlagUtf8 = 1 << 11;
constexpr uint16_t kMethodStored = 0;
constexpr uint16_t kMethodDeflated = 8;
constexpr uint16_t kExtraZip64 = 1;
constexpr uint32_t kInZip64 = 0xFFFFFFFF;
constexpr uint16_t kInZip64Short = 0xFFFF;

}  // namespace keras::zip
