// Writes Functions as FunctionDefs; attributes, tensors and shapes from and to their protos. Conventions:
// docs/formats/saved_model.md.
#include "core/graph/graph_def.h"

#include <cstring>
#include <map>
#include <set>

#include "core/base/error.h"

namespace keras {
namespace {

struct AttrWriter {
  tensorflow::AttrValue& proto;

  static tensorflow::DataType type(DType dtype) { return static_cast<tensorflow::DataType>(dtype); }

  void operator()(int64_t v) const { proto.set_i(v); }
  void operator()(float v) const { proto.set_f(v); }
  void operator()(bool v) const { proto.set_b(v); }
  void operator()(const std::string& v) const { proto.set_s(v); }
  void operator()(DType v) const { proto.set_type(type(v)); }
  void operator()(const Shape& v) const { *proto.mutable_shape() = to_shape_proto(v); }
  void operator()(const Tensor& v) const { *proto.mutable_tensor() = to_tensor_proto(v); }
  void operator()(const FunctionRef& v) const { proto.mutable_func()->set_name(v.name); }
  void operator()(const std::vector<int64_t>& v) const {
    auto& list = *proto.mutable_list();
    for (const int64_t item : v) list.add_i(item);
  }
  void operator()(const std::vector<float>& v) const {
    auto& list = *proto.mutable_list();
    for (const float item : v) list.add_f(item);
  }
  void operator()(const std::vector<bool>& v) const {
    auto& list = *proto.mutable_list();
    for (const bool item : v) list.add_b(item);
  }
  void operator()(const std::vector<std::string>& v) const {
    auto& list = *proto.mutable_list();
    for (const std::string& item : v) list.add_s(item);
  }
  void operator()(const std::vector<DType>& v) const {
    auto& list = *proto.mutable_list();
    for (const DType item : v) list.add_type(type(item));
  }
  void operator()(const std::vector<Shape>& v) const {
    auto& list = *proto.mutable_list();
    for (const Shape& item : v) *list.add_shape() = to_shape_proto(item);
  }
  void operator()(const std::vector<FunctionRef>& v) const {
    auto& list = *proto.mutable_list();
    for (const FunctionRef& item : v) list.add_func()->set_name(item.name);
  }
};

void set_attr(const AttrValue& value, tensorflow::AttrValue& proto) { std::visit(AttrWriter{proto}, value); }

/// "dense/MatMul" → "dense_matmul": what TensorFlow accepts as the name of a function's argument.
std::string arg_name(std::string_view name) {
  std::string result;
  for (const char c : name) {
    const bool lower = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
    const bool upper = c >= 'A' && c <= 'Z';
    result += upper ? static_cast<char>(c - 'A' + 'a') : lower ? c : '_';
  }
  if (result.empty() || result[0] < 'a' || result[0] > 'z') result.insert(0, "arg_");
  return result;
}

class FunctionWriter {
 public:
  FunctionWriter(const Function& function, std::string_view name) : function_(function) {
    def_.mutable_signature()->set_name(std::string(name));
  }

  tensorflow::FunctionDef write() {
    for (size_t i = 0; i < function_.args.size(); ++i) add_arg(function_.args[i], function_.arg_names[i]);
    for (const Capture& capture : function_.captures) {
      add_arg(capture.node, function_.nodes[static_cast<size_t>(capture.node)].name);
    }
    for (int32_t id = 0; id < static_cast<int32_t>(function_.nodes.size()); ++id) {
      if (!arg_names_.contains(id)) add_node(id);
    }
    add_outputs();
    return std::move(def_);
  }

 private:
  void add_arg(int32_t id, std::string_view name) {
    std::string unique = arg_name(name);
    for (int i = 1; !used_names_.insert(unique).second; ++i) unique = arg_name(name) + "_" + std::to_string(i);
    arg_names_[id] = unique;
    auto& arg = *def_.mutable_signature()->add_input_arg();
    arg.set_name(unique);
    arg.set_type(static_cast<tensorflow::DataType>(function_.nodes[static_cast<size_t>(id)].dtypes[0]));
  }

  /// "arg", or "node:output_name:index" with the output names of the op's signature.
  std::string edge_name(const Edge& edge) const {
    const auto arg = arg_names_.find(edge.node);
    if (arg != arg_names_.end()) return arg->second;
    const Node& node = function_.nodes[static_cast<size_t>(edge.node)];
    int64_t first = 0;
    for (const ArgDef& output : node.op->signature.outputs) {
      int64_t count = 1;
      if (!output.number_attr.empty()) count = node.attrs.get_int(output.number_attr);
      if (!output.type_list_attr.empty()) {
        count = static_cast<int64_t>(node.attrs.get<std::vector<DType>>(output.type_list_attr).size());
      }
      if (edge.output < first + count) {
        return keras::format("{}:{}:{}", node.name, output.name, edge.output - first);
      }
      first += count;
    }
    return node.name;
  }

  void add_node(int32_t id) {
    const Node& node = function_.nodes[static_cast<size_t>(id)];
    auto& proto = *def_.add_node_def();
    proto.set_name(node.name);
    proto.set_op(node.op->def->name);
    for (const Edge& input : node.inputs) proto.add_input(edge_name(input));
    for (const std::string& before : control_inputs(id, node)) proto.add_input("^" + before);
    for (const auto& [name, value] : node.attrs.items()) set_attr(value, (*proto.mutable_attr())[name]);
    const bool reads_only = std::string_view(node.op->def->name) == "ReadVariableOp";
    if ((node.op->def->flags & kStateful) == 0) return;
    def_.mutable_signature()->set_is_stateful(true);
    if (reads_only) return;
    def_.mutable_signature()->add_control_output(node.name);
    (*def_.mutable_control_ret())[node.name] = node.name;
  }

  /// A Function runs its stateful nodes in order; TensorFlow needs control edges to do the same for each variable.
  std::set<std::string> control_inputs(int32_t id, const Node& node) {
    std::set<std::string> before;
    const bool reads_only = std::string_view(node.op->def->name) == "ReadVariableOp";
    for (const Edge& input : node.inputs) {
      if (function_.dtype(input) != DType::kResource) continue;
      Touches& touches = touches_[input.node];
      if (touches.writer >= 0) before.insert(function_.nodes[static_cast<size_t>(touches.writer)].name);
      if (reads_only) {
        touches.readers.push_back(id);
        continue;
      }
      for (const int32_t reader : touches.readers) before.insert(function_.nodes[static_cast<size_t>(reader)].name);
      touches = {id, {}};
    }
    before.erase(node.name);
    return before;
  }

  void add_outputs() {
    for (size_t i = 0; i < function_.outputs.size(); ++i) {
      auto& output = *def_.mutable_signature()->add_output_arg();
      output.set_name(function_.output_names[i]);
      output.set_type(static_cast<tensorflow::DataType>(function_.dtype(function_.outputs[i])));
      (*def_.mutable_ret())[function_.output_names[i]] = edge_name(function_.outputs[i]);
    }
  }

  struct Touches {
    int32_t writer = -1;
    std::vector<int32_t> readers;  // since the last write
  };

  const Function& function_;
  tensorflow::FunctionDef def_;
  std::map<int32_t, std::string> arg_names_;
  std::set<std::string> used_names_;
  std::map<int32_t, Touches> touches_;
};

template <class T, class Repeated>
void fill(const Repeated& values, Tensor& tensor) {
  // TensorFlow repeats the last value where a proto lists fewer than there are elements.
  T* out = reinterpret_cast<T*>(tensor.raw());
  const auto listed = static_cast<int64_t>(values.size());
  for (int64_t i = 0; i < tensor.elements(); ++i) {
    out[i] = listed == 0 ? T() : static_cast<T>(values.Get(static_cast<int>(i < listed ? i : listed - 1)));
  }
}

void fill_from_lists(const tensorflow::TensorProto& proto, Tensor& tensor, std::string_view where) {
  switch (tensor.dtype()) {
    case DType::kFloat32: return fill<float>(proto.float_val(), tensor);
    case DType::kFloat64: return fill<double>(proto.double_val(), tensor);
    case DType::kInt32: return fill<int32_t>(proto.int_val(), tensor);
    case DType::kInt16: return fill<int16_t>(proto.int_val(), tensor);
    case DType::kUint16: return fill<uint16_t>(proto.int_val(), tensor);
    case DType::kInt8: return fill<int8_t>(proto.int_val(), tensor);
    case DType::kUint8: return fill<uint8_t>(proto.int_val(), tensor);
    case DType::kInt64: return fill<int64_t>(proto.int64_val(), tensor);
    case DType::kUint32: return fill<uint32_t>(proto.uint32_val(), tensor);
    case DType::kUint64: return fill<uint64_t>(proto.uint64_val(), tensor);
    case DType::kBool: return fill<bool>(proto.bool_val(), tensor);
    case DType::kFloat16:
    case DType::kBfloat16: return fill<uint16_t>(proto.half_val(), tensor);
    case DType::kString: return fill<std::string>(proto.string_val(), tensor);
    default: throw UnimplementedError("{}: a constant of dtype {} is not supported", where, tensor.dtype());
  }
}

/// A proto's value as an attribute of a given kind: an empty list alone does not tell what it is a list of.
struct AttrReader {
  const tensorflow::AttrValue& proto;
  std::string_view where;
  const Limits& limits;

  AttrValue read(std::string_view kind) const {
    using Case = tensorflow::AttrValue::ValueCase;
    if (kind.starts_with("list(")) return read_list(kind.substr(5, kind.size() - 6));
    expect(kind == "int"      ? Case::kI
           : kind == "float"  ? Case::kF
           : kind == "bool"   ? Case::kB
           : kind == "string" ? Case::kS
           : kind == "type"   ? Case::kType
           : kind == "shape"  ? Case::kShape
                              : Case::kTensor,
           kind);
    if (kind == "int") return proto.i();
    if (kind == "float") return proto.f();
    if (kind == "bool") return proto.b();
    if (kind == "string") return proto.s();
    if (kind == "type") return dtype(proto.type());
    if (kind == "shape") return from_shape_proto(proto.shape());
    return from_tensor_proto(proto.tensor(), where, limits);
  }

 private:
  void expect(tensorflow::AttrValue::ValueCase wanted, std::string_view kind) const {
    if (proto.value_case() != wanted) throw DataLossError("attribute '{}' is no {}", where, kind);
  }
  DType dtype(int number) const {
    if (!is_known_dtype(number)) throw UnimplementedError("attribute '{}': dtype number {} is not supported", where, number);
    return static_cast<DType>(number);
  }
  AttrValue read_list(std::string_view kind) const {
    expect(tensorflow::AttrValue::kList, "list");
    const auto& list = proto.list();
    if (kind == "int") return std::vector<int64_t>(list.i().begin(), list.i().end());
    if (kind == "float") return std::vector<float>(list.f().begin(), list.f().end());
    if (kind == "bool") return std::vector<bool>(list.b().begin(), list.b().end());
    if (kind == "string") return std::vector<std::string>(list.s().begin(), list.s().end());
    if (kind == "shape") {
      std::vector<Shape> shapes;
      for (const auto& shape : list.shape()) shapes.push_back(from_shape_proto(shape));
      return shapes;
    }
    std::vector<DType> dtypes;
    for (const int number : list.type()) dtypes.push_back(dtype(number));
    return dtypes;
  }
};

}  // namespace

tensorflow::FunctionDef to_function_def(const Function& function, std::string_view name) {
  return FunctionWriter(function, name).write();
}

tensorflow::TensorProto to_tensor_proto(const Tensor& tensor) {
  tensorflow::TensorProto proto;
  proto.set_dtype(static_cast<tensorflow::DataType>(tensor.dtype()));
  *proto.mutable_tensor_shape() = to_shape_proto(tensor.shape());
  if (tensor.dtype() == DType::kString) {
    for (const std::string& text : tensor.values<std::string>()) proto.add_string_val(text);
  } else {
    proto.set_tensor_content(std::string(reinterpret_cast<const char*>(tensor.raw()), static_cast<size_t>(tensor.size_bytes())));
  }
  return proto;
}

Tensor from_tensor_proto(const tensorflow::TensorProto& proto, std::string_view where, const Limits& limits) {
  if (!is_known_dtype(proto.dtype())) throw DataLossError("{}: unknown dtype number {}", where, static_cast<int>(proto.dtype()));
  const auto dtype = static_cast<DType>(proto.dtype());
  const Shape shape = from_shape_proto(proto.tensor_shape());
  if (!shape.fully_known()) throw DataLossError("{}: a tensor of unknown shape {}", where, shape);
  const int64_t bytes = tensor_bytes(dtype, shape);
  if (bytes > limits.tensor_bytes) {
    throw ResourceExhaustedError("{}: a tensor of {} bytes, more than limits.tensorBytes ({})", where, bytes,
                                 limits.tensor_bytes);
  }
  Tensor tensor = Tensor::allocate(dtype, shape);
  const std::string& content = proto.tensor_content();
  if (content.empty()) {
    fill_from_lists(proto, tensor, where);
  } else if (static_cast<int64_t>(content.size()) == tensor.size_bytes() && dtype != DType::kString) {
    std::memcpy(tensor.raw(), content.data(), content.size());
  } else {
    throw DataLossError("{}: {} bytes of content for a tensor of {} bytes", where, content.size(), tensor.size_bytes());
  }
  return tensor;
}

AttrValue from_attr_proto(std::string_view kind, const tensorflow::AttrValue& proto, std::string_view where,
                          const Limits& limits) {
  return AttrReader{proto, where, limits}.read(kind);
}

tensorflow::TensorShapeProto to_shape_proto(const Shape& shape) {
  tensorflow::TensorShapeProto proto;
  if (!shape.known_rank())
    proto.set_unknown_rank(true);
  else
    for (const int64_t dim : shape.dims()) proto.add_dim()->set_size(dim);
  return proto;
}

Shape from_shape_proto(const tensorflow::TensorShapeProto& proto) {
  if (proto.unknown_rank()) return Shape::unknown_rank();
  std::vector<int64_t> dims;
  for (const auto& dim : proto.dim()) dims.push_back(dim.size() < 0 ? kUnknownDim : dim.size());
  return Shape(std::move(dims));
}

}  // namespace keras
