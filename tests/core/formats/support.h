// Helpers of the format tests: files in memory, and sources that are fed block by block as JavaScript feeds them.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_sink.h"
#include "core/base/byte_source.h"
#include "core/base/error.h"
#include "core/formats/inflate.h"

namespace keras::testing {

using FileBytes = std::vector<std::byte>;

inline FileBytes to_bytes(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

inline std::string to_string(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline FileBytes fixture_bytes(const std::string& path) {
  std::ifstream stream(std::filesystem::path(KERAS_SOURCE_DIR) / "tests/fixtures" / path, std::ios::binary);
  EXPECT_TRUE(stream) << path;
  return to_bytes(std::string(std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()));
}

inline FileBytes bytes_of(const OutputFile& file) {
  FileBytes bytes;
  for (const FilePiece& piece : file.pieces) bytes.insert(bytes.end(), piece.bytes().begin(), piece.bytes().end());
  return bytes;
}

inline std::shared_ptr<const MemorySource> source_of(FileBytes bytes, std::string name = "file") {
  return std::make_shared<MemorySource>(std::move(name), std::move(bytes));
}

inline FileBytes deflated(const FileBytes& bytes, DeflateWrapper wrapper) {
  z_stream stream{};
  deflateInit2(&stream, 9, Z_DEFLATED, wrapper == DeflateWrapper::kRaw ? -MAX_WBITS : MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  FileBytes out(deflateBound(&stream, bytes.size()));
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  EXPECT_EQ(deflate(&stream, Z_FINISH), Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

/// Little-endian numbers and texts, one after the other: files made by hand.
class ByteWriter {
 public:
  template <class T>
  ByteWriter& put(T value) {
    const auto* p = reinterpret_cast<const std::byte*>(&value);
    bytes.insert(bytes.end(), p, p + sizeof(T));
    return *this;
  }
  ByteWriter& u8(uint8_t value) { return put(value); }
  ByteWriter& u16(uint16_t value) { return put(value); }
  ByteWriter& u32(uint32_t value) { return put(value); }
  ByteWriter& u64(uint64_t value) { return put(value); }
  ByteWriter& text(std::string_view value) {
    const FileBytes added = to_bytes(value);
    bytes.insert(bytes.end(), added.begin(), added.end());
    return *this;
  }
  ByteWriter& zeros(size_t count) {
    bytes.resize(bytes.size() + count);
    return *this;
  }
  size_t size() const { return bytes.size(); }

  FileBytes bytes;
};

/// Writes `value` over the bytes at `at`.
template <class T>
void patch(FileBytes& bytes, size_t at, T value) {
  ASSERT_LE(at + sizeof(T), bytes.size());
  std::copy_n(reinterpret_cast<const std::byte*>(&value), sizeof(T), bytes.begin() + static_cast<ptrdiff_t>(at));
}

/// Where `text` begins for the `nth` time; the end of the file if it does not.
inline size_t find_text(const FileBytes& bytes, std::string_view text, int nth = 0) {
  const std::string all = to_string(bytes);
  size_t at = all.find(text);
  for (; nth > 0 && at != std::string::npos; --nth) at = all.find(text, at + 1);
  EXPECT_NE(at, std::string::npos) << text;
  return std::min(at, all.size());
}

/// Runs `parse` on the bytes: true if it went through, false if it threw a typed error with a message and the file's name. All
/// else is a failure.
template <class F>
bool survives(F&& parse, const std::string& what) {
  try {
    parse();
    return true;
  } catch (const Error& error) {
    EXPECT_FALSE(error.message().empty()) << what;
    EXPECT_FALSE(error.path().empty()) << what << " names no file: " << error.message();
    return false;
  } catch (const std::exception& error) {
    ADD_FAILURE() << what << ": " << error.what();
  } catch (const NeedBytes&) {
    ADD_FAILURE() << what << ": bytes in memory are asked for";
  }
  return false;
}

/// The battery that every format goes through: cut at every byte, one byte too many, each byte flipped in three ways.
/// `parse(bytes)` reads all there is to read. Returns how many of the cut files went through.
template <class F>
int expect_hostile_bytes_survived(const FileBytes& good, F&& parse, size_t step = 1) {
  int accepted = 0;
  for (size_t size = 0; size < good.size(); size += step) {
    const FileBytes cut(good.begin(), good.begin() + static_cast<ptrdiff_t>(size));
    accepted += survives([&] { parse(cut); }, "cut to " + std::to_string(size)) ? 1 : 0;
  }
  FileBytes longer = good;
  longer.push_back(std::byte{0});
  survives([&] { parse(longer); }, "one byte too many");
  for (size_t at = 0; at < good.size(); at += step) {
    for (const int mask : {0xFF, 0x01, 0x80}) {
      FileBytes flipped = good;
      flipped[at] ^= static_cast<std::byte>(mask);
      survives([&] { parse(flipped); }, "byte " + std::to_string(at) + " ^ " + std::to_string(mask));
    }
  }
  return accepted;
}

/// Each field of 2, 4 or 8 bytes at each place set to 0, 1, its largest value, one less, and half of it.
template <class F>
void expect_hostile_fields_survived(const FileBytes& good, F&& parse, size_t step = 1) {
  const auto run = [&]<class T>(T) {
    for (size_t at = 0; at + sizeof(T) <= good.size(); at += step) {
      for (const T value : {T(0), T(1), T(~T(0)), T(~T(0) - 1), T(T(~T(0)) >> 1)}) {
        FileBytes changed = good;
        patch(changed, at, value);
        survives([&] { parse(changed); }, std::to_string(sizeof(T)) + " bytes at " + std::to_string(at));
      }
    }
  };
  run(uint16_t{});
  run(uint32_t{});
  run(uint64_t{});
}

}  // namespace keras::testing
