// Code points in UTF-8.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace keras {

struct Utf8 {
  uint32_t code;
  size_t bytes;  // that it takes; 0 at the end of the text
  bool valid;
};

/// The first code point of a text. Where there is none: how many bytes one replacement stands for (the longest beginning of a
/// code point, as Unicode recommends).
Utf8 next_utf8(std::string_view text);

/// REQUIRES: code ≤ 0x10FFFF.
void append_utf8(std::string& text, uint32_t code);

}  // namespace keras
