// Metadata first, in one piece; then the datasets, borrowed, each at an address multiple of 8.
#include "core/formats/hdf5/hdf5_writer.h"

#include <algorithm>

#include "core/base/error.h"

namespace keras::hdf5 {
namespace {

constexpr size_t kSuperblockBytes = 96;
constexpr size_t kLeafEntries = 8;   // two times "leaf K" of 4
constexpr size_t kNodeEntries = 32;  // two times "internal K" of 16
constexpr size_t kMinHeapBytes = 4096;
constexpr size_t kMaxHeapObjects = 60000;

std::string pad8(std::string bytes) {
  bytes.resize((bytes.size() + 7) / 8 * 8, '\0');
  return bytes;
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string dataspace(const std::vector<int64_t>& shape) {
  std::string out;
  put<uint8_t>(out, 1);
  put<uint8_t>(out, static_cast<uint8_t>(shape.size()));
  put<uint8_t>(out, 0);
  out.append(5, '\0');
  for (const int64_t dim : shape) put<uint64_t>(out, static_cast<uint64_t>(dim));
  return out;
}

struct FloatForm {
  uint8_t sign, exponent_at, exponent_bits, mantissa_bits;
  uint32_t bias;
};

std::string float_type(int64_t bytes) {
  const FloatForm form = bytes == 2   ? FloatForm{15, 10, 5, 10, 15}
                         : bytes == 4 ? FloatForm{31, 23, 8, 23, 127}
                                      : FloatForm{63, 52, 11, 52, 1023};
  std::string out;
  put<uint8_t>(out, 0x11);
  put<uint8_t>(out, 0x20);
  put<uint8_t>(out, form.sign);
  put<uint8_t>(out, 0);
  put<uint32_t>(out, static_cast<uint32_t>(bytes));
  put<uint16_t>(out, 0);
  put<uint16_t>(out, static_cast<uint16_t>(bytes * 8));
  put<uint8_t>(out, form.exponent_at);
  put<uint8_t>(out, form.exponent_bits);
  put<uint8_t>(out, 0);
  put<uint8_t>(out, form.mantissa_bits);
  put<uint32_t>(out, form.bias);
  return out;
}

std::string datatype(const Type& type) {
  if (type.type_class == TypeClass::kFloat) return float_type(type.bytes);
  std::string out;
  if (type.type_class == TypeClass::kInteger) {
    put<uint8_t>(out, 0x10);
    put<uint8_t>(out, type.is_signed ? 8 : 0);
    put<uint16_t>(out, 0);
    put<uint32_t>(out, static_cast<uint32_t>(type.bytes));
    put<uint16_t>(out, 0);
    put<uint16_t>(out, static_cast<uint16_t>(type.bytes * 8));
  } else if (type.type_class == TypeClass::kVlenString) {
    put<uint8_t>(out, 0x19);
    put<uint8_t>(out, 1);
    put<uint16_t>(out, 0);
    put<uint32_t>(out, 16);
    out += datatype({TypeClass::kInteger, 1, false, false});
  } else if (type.type_class == TypeClass::kFixedString) {  // filled up with zeros
    put<uint8_t>(out, 0x13);
    put<uint8_t>(out, 1);
    put<uint16_t>(out, 0);
    put<uint32_t>(out, static_cast<uint32_t>(type.bytes));
  } else {  // opaque, with an empty tag
    put<uint8_t>(out, 0x15);
    put<uint8_t>(out, 0);
    put<uint16_t>(out, 0);
    put<uint32_t>(out, static_cast<uint32_t>(type.bytes));
  }
  return out;
}

std::string message(uint16_t type, const std::string& data, uint8_t flags = 0) {
  const std::string padded = pad8(data);
  std::string out;
  put<uint16_t>(out, type);
  put<uint16_t>(out, static_cast<uint16_t>(padded.size()));
  put<uint8_t>(out, flags);
  out.append(3, '\0');
  return out + padded;
}

std::string attribute(const std::string& name, const std::string& type, const std::string& space, const std::string& data) {
  std::string out;
  put<uint8_t>(out, 1);
  put<uint8_t>(out, 0);
  put<uint16_t>(out, static_cast<uint16_t>(name.size() + 1));
  put<uint16_t>(out, static_cast<uint16_t>(type.size()));
  put<uint16_t>(out, static_cast<uint16_t>(space.size()));
  out += pad8(name + '\0') + pad8(type) + pad8(space) + data;
  if (out.size() > 65000) throw ValueError("HDF5: attribute '{}' is too large for an object header", name);
  return out;
}

}  // namespace

/// Lays out the metadata; addresses of datasets are known last.
class FileBuilder {
 public:
  OutputFile build(std::string path, const WriterGroup& root) {
    metadata_.assign(kSuperblockBytes, '\0');
    collect_strings(root);
    flush_heap();
    const Place top = add_group(root);
    OutputFile file;
    file.path = std::move(path);
    align(metadata_);
    uint64_t address = metadata_.size();
    std::vector<FilePiece> pieces;
    for (const Pending& pending : pending_) {
      const uint64_t bytes = pending.dataset->bytes.size();
      const uint64_t stored = bytes == 0 ? kUndefined : address;
      std::copy_n(reinterpret_cast<const char*>(&stored), 8, metadata_.begin() + static_cast<ptrdiff_t>(pending.address_at));
      if (bytes == 0) continue;
      pieces.push_back({{}, pending.dataset->bytes, pending.dataset->owner});
      address += bytes;
      if (address % 8 != 0) {
        pieces.push_back({std::vector<std::byte>(8 - address % 8), {}, nullptr});
        address += 8 - address % 8;
      }
    }
    write_superblock(top, address);
    const auto bytes = std::as_bytes(std::span(metadata_));
    file.add(std::vector<std::byte>(bytes.begin(), bytes.end()));
    for (FilePiece& piece : pieces) file.pieces.push_back(std::move(piece));
    return file;
  }

 private:
  /// Where an object is; groups also have a B-tree and a heap.
  struct Place {
    uint64_t header = 0, tree = 0, heap = 0;
    bool is_group = false;
  };
  struct Pending {
    const WriterGroup::WriterDataset* dataset;
    size_t address_at;  // in the metadata
  };

  static void align(std::string& bytes) { bytes.resize((bytes.size() + 7) / 8 * 8, '\0'); }

  uint64_t append(const std::string& bytes) {
    align(metadata_);
    const uint64_t address = metadata_.size();
    metadata_ += bytes;
    return address;
  }

  uint64_t add_header(const std::vector<std::string>& messages) {
    std::string body;
    for (const std::string& m : messages) body += m;
    std::string out;
    put<uint8_t>(out, 1);
    put<uint8_t>(out, 0);
    put<uint16_t>(out, static_cast<uint16_t>(messages.size()));
    put<uint32_t>(out, 1);
    put<uint32_t>(out, static_cast<uint32_t>(body.size()));
    out.append(4, '\0');
    return append(out + body);
  }

  Place add_group(const WriterGroup& group) {
    std::map<std::string, Place> children;
    for (const auto& [name, child] : group.groups_) children[name] = add_group(*child);
    for (const auto& [name, dataset] : group.datasets_) children[name] = add_dataset(dataset);
    Place place = add_symbol_table(children);
    place.is_group = true;
    std::string table;
    put<uint64_t>(table, place.tree);
    put<uint64_t>(table, place.heap);
    std::vector<std::string> messages = {message(kSymbolTable, table)};
    for (const auto& attribute : group.attributes_) messages.push_back(message(kAttribute, string_attribute(attribute)));
    place.header = add_header(messages);
    return place;
  }

  Place add_dataset(const WriterGroup::WriterDataset& dataset) {
    std::string fill;
    for (const uint8_t byte : {2, 2, 2, 0}) put<uint8_t>(fill, byte);
    std::string layout;
    put<uint8_t>(layout, 3);
    put<uint8_t>(layout, 1);
    put<uint64_t>(layout, kUndefined);
    put<uint64_t>(layout, dataset.bytes.size());
    const std::string layout_message = message(kLayout, layout);
    Place place;
    place.header = add_header({message(kDataspace, dataspace(dataset.shape)), message(kDatatype, datatype(dataset.type), 1),
                               message(kFillValue, fill), layout_message});
    // The layout is the last message of the header; its address field begins after 8 + 2 bytes.
    pending_.push_back({&dataset, metadata_.size() - layout_message.size() + 10});
    return place;
  }

  Place add_symbol_table(const std::map<std::string, Place>& children) {
    std::string names(8, '\0');  // offset 0 is the empty name
    std::vector<uint64_t> offsets;
    for (const auto& [name, place] : children) {
      offsets.push_back(names.size());
      names += pad8(name + '\0');
    }
    std::string heap = "HEAP";
    heap.append(4, '\0');
    put<uint64_t>(heap, names.size());
    put<uint64_t>(heap, 1);  // no free space
    put<uint64_t>(heap, append(names));
    Place place;
    place.heap = append(heap);
    std::vector<TreeChild> leaves;
    auto child = children.begin();
    for (size_t i = 0; i < children.size(); i += kLeafEntries) {
      const size_t count = std::min(kLeafEntries, children.size() - i);
      std::string node = "SNOD";
      put<uint8_t>(node, 1);
      put<uint8_t>(node, 0);
      put<uint16_t>(node, static_cast<uint16_t>(count));
      for (size_t j = 0; j < count; ++j, ++child) put_symbol(node, offsets[i + j], child->second);
      node.resize(8 + kLeafEntries * 40, '\0');
      leaves.push_back({append(node), offsets[i + count - 1]});
    }
    place.tree = add_tree(std::move(leaves), 0);
    return place;
  }

  static void put_symbol(std::string& out, uint64_t name_offset, const Place& place) {
    put<uint64_t>(out, name_offset);
    put<uint64_t>(out, place.header);
    put<uint32_t>(out, place.is_group ? 1 : 0);
    put<uint32_t>(out, 0);
    put<uint64_t>(out, place.is_group ? place.tree : 0);
    put<uint64_t>(out, place.is_group ? place.heap : 0);
  }

  struct TreeChild {
    uint64_t address, last_name;  // heap offset of the last name below it
  };

  /// One level of nodes over `children`, and levels above it until one node is left. Siblings know each other.
  uint64_t add_tree(std::vector<TreeChild> children, uint8_t level) {
    const size_t node_bytes = 24 + 8 + kNodeEntries * 16;
    const size_t nodes = std::max<size_t>(1, (children.size() + kNodeEntries - 1) / kNodeEntries);
    align(metadata_);
    const uint64_t first = metadata_.size();
    std::vector<TreeChild> parents;
    uint64_t left_name = 0;
    for (size_t n = 0; n < nodes; ++n) {
      const size_t begin = n * kNodeEntries, end = std::min(begin + kNodeEntries, children.size());
      std::string node = "TREE";
      put<uint8_t>(node, 0);
      put<uint8_t>(node, level);
      put<uint16_t>(node, static_cast<uint16_t>(end - begin));
      put<uint64_t>(node, n == 0 ? kUndefined : first + (n - 1) * node_bytes);
      put<uint64_t>(node, n + 1 == nodes ? kUndefined : first + (n + 1) * node_bytes);
      put<uint64_t>(node, left_name);
      for (size_t i = begin; i < end; ++i) {
        put<uint64_t>(node, children[i].address);
        put<uint64_t>(node, children[i].last_name);
        left_name = children[i].last_name;
      }
      node.resize(node_bytes, '\0');
      parents.push_back({append(node), left_name});
    }
    return nodes == 1 ? first : add_tree(std::move(parents), static_cast<uint8_t>(level + 1));
  }

  std::string string_attribute(const WriterGroup::StringAttribute& a) {
    if (a.values.empty()) return attribute(a.name, float_type(8), dataspace({0}), "");
    if (a.form == WriterGroup::StringAttribute::Form::kFixedRow) return fixed_attribute(a);
    std::string data;
    const std::vector<HeapReference>& references = references_.at(&a);
    for (size_t i = 0; i < a.values.size(); ++i) {
      put<uint32_t>(data, static_cast<uint32_t>(a.values[i].size()));
      put<uint64_t>(data, references[i].collection);
      put<uint32_t>(data, references[i].index);
    }
    const std::vector<int64_t> shape = a.form == WriterGroup::StringAttribute::Form::kScalar
                                           ? std::vector<int64_t>{}
                                           : std::vector<int64_t>{static_cast<int64_t>(a.values.size())};
    return attribute(a.name, datatype({TypeClass::kVlenString, 16}), dataspace(shape), data);
  }

  static std::string fixed_attribute(const WriterGroup::StringAttribute& a) {
    std::string data;
    for (std::string value : a.values) {
      value.resize(a.bytes, '\0');
      data += value;
    }
    return attribute(a.name, datatype({TypeClass::kFixedString, static_cast<int64_t>(a.bytes)}),
                     dataspace({static_cast<int64_t>(a.values.size())}), data);
  }

  /// Where a string is in the global heap.
  struct HeapReference {
    uint64_t collection;
    uint32_t index;
  };

  /// All strings of variable length of all attributes go to the heap first, so that headers can name their addresses.
  void collect_strings(const WriterGroup& group) {
    for (const auto& a : group.attributes_) {
      if (a.form == WriterGroup::StringAttribute::Form::kFixedRow) continue;
      for (const std::string& value : a.values) {
        if (heap_count_ >= kMaxHeapObjects) flush_heap();
        ++heap_count_;
        std::string object;
        put<uint16_t>(object, static_cast<uint16_t>(heap_count_));
        put<uint16_t>(object, 0);
        put<uint32_t>(object, 0);
        put<uint64_t>(object, value.size());
        heap_ += object + pad8(value);
        references_[&a].push_back({0, static_cast<uint32_t>(heap_count_)});
        waiting_.push_back(&references_[&a]);
        waiting_index_.push_back(references_[&a].size() - 1);
      }
    }
    for (const auto& [name, child] : group.groups_) collect_strings(*child);
  }

  /// Writes the strings collected so far as one collection; what is left of it is one free object, number 0.
  void flush_heap() {
    if (heap_count_ == 0) return;
    const size_t used = 16 + heap_.size();
    const size_t bytes = std::max(kMinHeapBytes, used + 16);
    std::string out = "GCOL";
    put<uint8_t>(out, 1);
    out.append(3, '\0');
    put<uint64_t>(out, bytes);
    out += heap_;
    out.append(8, '\0');
    put<uint64_t>(out, bytes - used);
    out.resize(bytes, '\0');
    const uint64_t address = append(out);
    for (size_t i = 0; i < waiting_.size(); ++i) (*waiting_[i])[waiting_index_[i]].collection = address;
    waiting_.clear();
    waiting_index_.clear();
    heap_.clear();
    heap_count_ = 0;
  }

  void write_superblock(const Place& root, uint64_t end) {
    std::string out(reinterpret_cast<const char*>(kSignature), kSignatureBytes);
    out.append(5, '\0');  // versions of superblock, free space and root entry, a reserved byte, version of shared headers
    put<uint8_t>(out, 8);
    put<uint8_t>(out, 8);
    put<uint8_t>(out, 0);
    put<uint16_t>(out, kLeafEntries / 2);
    put<uint16_t>(out, kNodeEntries / 2);
    put<uint32_t>(out, 0);
    put<uint64_t>(out, 0);
    put<uint64_t>(out, kUndefined);
    put<uint64_t>(out, end);
    put<uint64_t>(out, kUndefined);
    put_symbol(out, 0, root);
    std::copy(out.begin(), out.end(), metadata_.begin());
  }

  std::string metadata_, heap_;
  size_t heap_count_ = 0;
  std::vector<Pending> pending_;
  std::map<const WriterGroup::StringAttribute*, std::vector<HeapReference>> references_;
  std::vector<std::vector<HeapReference>*> waiting_;
  std::vector<size_t> waiting_index_;
};

WriterGroup& WriterGroup::group(const std::string& name) {
  auto& child = groups_[name];
  if (!child) child = std::make_unique<WriterGroup>();
  return *child;
}

WriterGroup& WriterGroup::at(std::string_view path) {
  WriterGroup* current = this;
  while (!path.empty()) {
    const size_t slash = path.find('/');
    if (slash != 0) current = &current->group(std::string(path.substr(0, slash)));
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  }
  return *current;
}

void WriterGroup::set_attribute(const std::string& name, const std::string& value) {
  attributes_.push_back({name, {value}, StringAttribute::Form::kScalar});
}

void WriterGroup::set_attribute(const std::string& name, std::vector<std::string> values) {
  attributes_.push_back({name, std::move(values), StringAttribute::Form::kRow});
}

void WriterGroup::set_fixed_attribute(const std::string& name, std::vector<std::string> values, size_t bytes) {
  attributes_.push_back({name, std::move(values), StringAttribute::Form::kFixedRow, bytes});
}

void WriterGroup::add_dataset(std::string_view path, const Type& type, std::vector<int64_t> shape,
                              std::span<const std::byte> bytes, std::shared_ptr<const void> owner) {
  const size_t slash = path.rfind('/');
  WriterGroup& parent = slash == std::string_view::npos ? *this : at(path.substr(0, slash));
  const std::string name(slash == std::string_view::npos ? path : path.substr(slash + 1));
  const bool added = parent.datasets_.emplace(name, WriterDataset{type, std::move(shape), bytes, std::move(owner)}).second;
  if (!added || parent.groups_.contains(name)) throw ValueError("HDF5: the name '{}' is used twice in one group", path);
}

OutputFile write_file(std::string path, const WriterGroup& root) { return FileBuilder().build(std::move(path), root); }

}  // namespace keras::hdf5
