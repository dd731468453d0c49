// Tables from text: lines, columns, numbers.
#include "core/ops/table_text.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/kernels/functors.h"
#include "core/ops/parse_number.h"

namespace keras {
namespace {

void check(const TextTableFormat& format, const LookupTable& table) {
  for (const auto& [name, index] : {std::pair("key_index", format.key_index), std::pair("value_index", format.value_index)}) {
    if (index < kWholeLine) throw InvalidArgumentError("Value for attr '{}' of {} must be at least minimum -2", name, index);
  }
  if (format.vocab_size < -1) {
    throw InvalidArgumentError("Value for attr 'vocab_size' of {} must be at least minimum -1", format.vocab_size);
  }
  if (format.delimiter.size() != 1) throw InvalidArgumentError("delimiter should be only 1 char");
  if (format.key_index == kLineNumber && table.key_dtype() != DType::kInt64) {
    throw InvalidArgumentError("Key index for line number requires table key dtype of int64, got {}", table.key_dtype());
  }
  if (format.value_index == kLineNumber && table.value_dtype() != DType::kInt64) {
    throw InvalidArgumentError("Value index for line number requires table value dtype of int64, got {}", table.value_dtype());
  }
}

/// The lines to read, without carriage returns.
std::vector<std::string> lines_of(const TextTableFormat& format, const std::string& file, std::string_view text) {
  std::vector<std::string> lines;
  const auto wanted = static_cast<size_t>(format.vocab_size);  // of -1 more than there are
  for (size_t at = 0; at < text.size() && lines.size() < wanted;) {
    const size_t end = std::min(text.find('\n', at), text.size());
    std::string line(text.substr(at, end - at));
    std::erase(line, '\r');
    at = end + 1;
    if (line.empty()) throw InvalidArgumentError("Invalid content in {}: empty line found at position {}.", file, at).at(file);
    lines.push_back(std::move(line));
  }
  if (lines.empty()) throw InvalidArgumentError("Finished reading 0 of lines from {}", file).at(file);
  if (format.vocab_size > 0 && lines.size() < wanted) {
    throw InvalidArgumentError("Invalid vocab_size in {}: expected {} but got {}", file, format.vocab_size, lines.size())
        .at(file);
  }
  return lines;
}

std::vector<std::string_view> columns_of(std::string_view line, char delimiter) {
  std::vector<std::string_view> columns;
  for (size_t at = 0; at <= line.size();) {
    const size_t end = std::min(line.find(delimiter, at), line.size());
    columns.push_back(line.substr(at, end - at));
    at = end + 1;
  }
  return columns;
}

template <class T>
void set_number(Tensor& tensor, int64_t line, std::string_view field) {
  const std::optional<T> number = parse_number<T>(field);
  if (!number) throw InvalidArgumentError("Field {} in line {} is not a valid {}.", field, line, tensor.dtype());
  tensor.data<T>()[line] = *number;
}

void set_field(Tensor& tensor, int64_t line, std::string_view field) {
  switch (tensor.dtype()) {
    case DType::kString: tensor.data<std::string>()[line] = field; break;
    case DType::kInt32: set_number<int32_t>(tensor, line, field); break;
    case DType::kInt64: set_number<int64_t>(tensor, line, field); break;
    case DType::kFloat32: set_number<float>(tensor, line, field); break;
    case DType::kFloat64: set_number<double>(tensor, line, field); break;
    default: throw InvalidArgumentError("Data type {} not supported.", tensor.dtype());
  }
}

}  // namespace

void fill_from_text(LookupTable& table, const TextTableFormat& format, const std::string& file, std::string_view text) {
  check(format, table);
  const std::vector<std::string> lines = lines_of(format, file, text);
  const auto count = static_cast<int64_t>(lines.size()), needed = std::max(format.key_index, format.value_index) + 1;
  Tensor keys = Tensor::allocate(table.key_dtype(), {count}), values = Tensor::allocate(table.value_dtype(), {count});
  for (int64_t i = 0; i < count; ++i) {
    const std::string& line = lines[static_cast<size_t>(i)];
    const std::vector<std::string_view> columns = columns_of(line, format.delimiter[0]);
    if (std::ssize(columns) < needed) {
      throw InvalidArgumentError("Invalid number of columns in {} line {} ({}) : expected at least {} got {}", file, i, line,
                                 needed, columns.size())
          .at(file);
    }
    const auto set = [&](Tensor& tensor, int64_t index) {
      if (index == kLineNumber)
        tensor.data<int64_t>()[i] = kernels::Add::apply(i, format.offset);
      else
        set_field(tensor, i, index == kWholeLine ? std::string_view(line) : columns[static_cast<size_t>(index)]);
    };
    set(keys, format.key_index);
    set(values, format.value_index);
  }
  table.initialize(keys, values);
}

}  // namespace keras
