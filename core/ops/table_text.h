// Tables from text: a line for each entry, as vocabulary files are.
#pragma once

#include <string>
#include <string_view>

#include "core/ops/lookup_table.h"

namespace keras {

/// Which part of a line is what: a column from 0, or one of these.
constexpr int64_t kLineNumber = -1, kWholeLine = -2;

struct TextTableFormat {
  int64_t key_index, value_index;
  int64_t vocab_size;     // lines that are read; -1: all
  std::string delimiter;  // between columns
  int64_t offset;         // of the first line's number
};

/// Fills `table` from `text`, the content of `file`. Throws InvalidArgumentError: what does not fit the table's dtypes, lines
/// with too few columns, empty ones, fewer than vocab_size; and what LookupTable::initialize() throws.
void fill_from_text(LookupTable& table, const TextTableFormat& format, const std::string& file, std::string_view text);

}  // namespace keras
