// dump_hdf5 FILE…: what our reader sees of each file, one line for each thing, for hdf5_oracle.py to compare with what h5py sees.
//
//   file NAME
//   group PATH | link PATH TARGET | data PATH TYPE SHAPE VALUES | attribute PATH@NAME TYPE SHAPE VALUES
//   error TEXT, where the file cannot be read further; VALUES are "unreadable" where only they are broken
// Fields stand between tabs; values are the bytes of the elements, little-endian, in hexadecimal, strings separated by commas.
#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <set>

#include "core/base/error.h"
#include "core/formats/hdf5/hdf5_reader.h"

namespace keras::hdf5 {
namespace {

std::string hex(std::span<const std::byte> bytes) {
  std::string text;
  for (const std::byte byte : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    text += kDigits[std::to_integer<int>(byte) >> 4];
    text += kDigits[std::to_integer<int>(byte) & 15];
  }
  return text;
}

std::string name_of(const Type& type) {
  const std::string bytes = std::to_string(type.bytes);
  switch (type.type_class) {
    case TypeClass::kInteger: return (type.is_signed ? "i" : "u") + bytes;
    case TypeClass::kFloat: return "f" + bytes;
    case TypeClass::kBoolean: return "b" + bytes;
    case TypeClass::kFixedString: return "S" + bytes;
    case TypeClass::kVlenString: return "O";
    case TypeClass::kOpaque: return "V" + bytes;
    case TypeClass::kOther: break;
  }
  return "?";
}

std::string shape_of(const std::vector<int64_t>& shape) {
  std::string text = "(";
  for (const int64_t dim : shape) text += std::to_string(dim) + ",";
  return text + ")";
}

std::string values_of(const Reader& reader, const Attribute& attribute) {
  std::string text;
  if (attribute.type.type_class == TypeClass::kVlenString || attribute.type.type_class == TypeClass::kFixedString) {
    for (const std::string& value : reader.strings(attribute)) text += hex(std::as_bytes(std::span(value))) + ",";
    return text;
  }
  std::vector<std::byte> data = attribute.data;
  const auto element = static_cast<size_t>(attribute.type.bytes);
  for (size_t i = 0; attribute.type.big_endian && i < data.size(); i += element)
    std::reverse(data.begin() + static_cast<ptrdiff_t>(i), data.begin() + static_cast<ptrdiff_t>(i + element));
  return hex(data);
}

void print(const char* kind, const std::string& path, const Type& type, const std::vector<int64_t>& shape,
           const std::string& values) {
  std::printf("%s\t%s\t%s\t%s\t%s\n", kind, path.c_str(), name_of(type).c_str(), shape_of(shape).c_str(), values.c_str());
}

void dump(const Reader& reader, const std::string& path, std::set<const Object*>& above) {
  const Object& object = reader.at(path);
  for (const Attribute& attribute : object.attributes)
    print("attribute", path + "@" + attribute.name, attribute.type, attribute.shape, values_of(reader, attribute));
  if (object.dataset) {
    const Dataset& dataset = *object.dataset;
    Attribute read{"", dataset.type, dataset.shape, std::vector<std::byte>(static_cast<size_t>(dataset.size_bytes()))};
    read.type.big_endian = false;  // its elements are little-endian when they have been read
    std::string values = "unreadable";
    try {
      reader.read(dataset, path, read.data);
      values = values_of(reader, read);
    } catch (const DataLossError&) {
      // h5py must find so, too
    }
    print("data", path, read.type, read.shape, values);
    return;
  }
  std::printf("group\t%s\n", path.c_str());
  if (!above.insert(&object).second) return;  // a group in itself
  for (const auto& [name, address] : object.links) dump(reader, path + "/" + name, above);
  for (const auto& [name, target] : object.soft_links)
    std::printf("link\t%s/%s\t%s\n", path.c_str(), name.c_str(), target.c_str());
  above.erase(&object);
}

void dump_file(const char* path) {
  std::printf("file\t%s\n", path);
  try {
    std::ifstream stream(path, std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(stream), {});
    const auto bytes = std::as_bytes(std::span(text));
    const auto source = std::make_shared<MemorySource>(path, std::vector<std::byte>(bytes.begin(), bytes.end()));
    std::set<const Object*> above;
    dump(Reader::open(source, Limits{}), "", above);
  } catch (const Error& error) {
    std::printf("error\t%s\n", error.message().c_str());
  }
}

}  // namespace
}  // namespace keras::hdf5

int main(int count, char** paths) {
  for (int i = 1; i < count; ++i) keras::hdf5::dump_file(paths[i]);
  return 0;
}
