// dump_libhdf5 FILE…: what the HDF5 library sees of each file, in the lines of dump_hdf5.cc.
#include <hdf5.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace {

/// An identifier that is closed with what holds it.
class Id {
 public:
  Id(hid_t id, herr_t (*close)(hid_t)) : id_(id), close_(close) {}
  ~Id() {
    if (id_ >= 0) close_(id_);
  }
  Id(const Id&) = delete;
  Id& operator=(const Id&) = delete;
  operator hid_t() const { return id_; }

 private:
  hid_t id_;
  herr_t (*close_)(hid_t);
};

std::string hex(const void* data, size_t bytes) {
  constexpr const char* kDigits = "0123456789abcdef";
  std::string text;
  for (size_t i = 0; i < bytes; ++i) {
    const unsigned char byte = static_cast<const unsigned char*>(data)[i];
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

/// h5py's bool: FALSE and TRUE, of a byte.
bool is_boolean(hid_t type) {
  if (H5Tget_nmembers(type) != 2 || H5Tget_size(type) != 1) return false;
  bool result = true;
  for (const unsigned i : {0u, 1u}) {
    char* name = H5Tget_member_name(type, i);
    result = result && std::strcmp(name, i == 0 ? "FALSE" : "TRUE") == 0;
    H5free_memory(name);
  }
  return result;
}

std::string name_of(hid_t type) {
  const std::string bytes = std::to_string(H5Tget_size(type));
  switch (H5Tget_class(type)) {
    case H5T_INTEGER: return (H5Tget_sign(type) == H5T_SGN_2 ? "i" : "u") + bytes;
    case H5T_FLOAT: return "f" + bytes;
    case H5T_ENUM: return is_boolean(type) ? "b1" : name_of(Id(H5Tget_super(type), H5Tclose));
    case H5T_STRING: return H5Tis_variable_str(type) > 0 ? "O" : "S" + bytes;
    case H5T_OPAQUE: return "V" + bytes;
    default: return "?";
  }
}

std::string shape_of(hid_t space) {
  if (H5Sget_simple_extent_type(space) == H5S_NULL) return "(0,)";
  std::vector<hsize_t> dims(static_cast<size_t>(H5Sget_simple_extent_ndims(space)));
  H5Sget_simple_extent_dims(space, dims.data(), nullptr);
  std::string text = "(";
  for (const hsize_t dim : dims) text += std::to_string(dim) + ",";
  return text + ")";
}

std::string text_values(const std::vector<char>& data, size_t bytes, bool variable) {
  std::string text;
  for (size_t at = 0; at < data.size(); at += bytes) {
    const char* value = data.data() + at;
    if (variable) std::memcpy(&value, data.data() + at, sizeof value);
    text += (value == nullptr ? "" : hex(value, variable ? std::strlen(value) : strnlen(value, bytes))) + ",";
  }
  return text;
}

/// One dataset or attribute. `read(type, data)` reads its elements as `type`.
template <class Read>
void print(const char* kind, const std::string& path, hid_t type, hid_t space, Read&& read) {
  const size_t bytes = H5Tget_size(type);
  const bool texts = H5Tget_class(type) == H5T_STRING, variable = texts && H5Tis_variable_str(type) > 0;
  const Id memory(H5Tcopy(type), H5Tclose);
  if (H5Tget_class(type) == H5T_INTEGER || H5Tget_class(type) == H5T_FLOAT) H5Tset_order(memory, H5T_ORDER_LE);
  const size_t count =
      H5Sget_simple_extent_type(space) == H5S_NULL ? 0 : static_cast<size_t>(H5Sget_simple_extent_npoints(space));
  std::vector<char> data(count * bytes);
  std::string values = "unreadable";
  if (count == 0 || read(memory, data.data()) >= 0) {
    values = texts ? text_values(data, bytes, variable) : hex(data.data(), data.size());
    if (variable && count > 0) H5Dvlen_reclaim(memory, space, H5P_DEFAULT, data.data());
  }
  std::printf("%s\t%s\t%s\t%s\t%s\n", kind, path.c_str(), name_of(type).c_str(), shape_of(space).c_str(), values.c_str());
}

herr_t print_attribute(hid_t object, const char* name, const H5A_info_t*, void* path) {
  const Id attribute(H5Aopen(object, name, H5P_DEFAULT), H5Aclose);
  const Id type(H5Aget_type(attribute), H5Tclose), space(H5Aget_space(attribute), H5Sclose);
  print("attribute", *static_cast<const std::string*>(path) + "@" + name, type, space,
        [&](hid_t memory, void* data) { return H5Aread(attribute, memory, data); });
  return 0;
}

void dump(hid_t object, const std::string& path);

herr_t print_link(hid_t group, const char* name, const H5L_info_t* info, void* group_path) {
  const std::string path = *static_cast<const std::string*>(group_path) + "/" + name;
  if (info->type == H5L_TYPE_SOFT) {
    std::string target(info->u.val_size, '\0');
    H5Lget_val(group, name, target.data(), target.size(), H5P_DEFAULT);
    std::printf("link\t%s\t%s\n", path.c_str(), target.c_str());
  } else {
    dump(Id(H5Oopen(group, name, H5P_DEFAULT), H5Oclose), path);
  }
  return 0;
}

void dump(hid_t object, const std::string& path) {
  std::string copy = path;  // callbacks take what they are given without const
  H5Aiterate2(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, print_attribute, &copy);
  if (H5Iget_type(object) == H5I_DATASET) {
    const Id type(H5Dget_type(object), H5Tclose), space(H5Dget_space(object), H5Sclose);
    print("data", path, type, space,
          [&](hid_t memory, void* data) { return H5Dread(object, memory, H5S_ALL, H5S_ALL, H5P_DEFAULT, data); });
    return;
  }
  std::printf("group\t%s\n", path.c_str());  // or a committed type, which dump_hdf5 cannot tell from one
  if (H5Iget_type(object) == H5I_GROUP) H5Literate(object, H5_INDEX_NAME, H5_ITER_INC, nullptr, print_link, &copy);
}

}  // namespace

int main(int count, char** paths) {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  for (int i = 1; i < count; ++i) {
    std::printf("file\t%s\n", paths[i]);
    const Id file(H5Fopen(paths[i], H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose);
    if (file < 0)
      std::printf("error\tH5Fopen\n");
    else
      dump(Id(H5Oopen(file, "/", H5P_DEFAULT), H5Oclose), "");
  }
  return 0;
}
