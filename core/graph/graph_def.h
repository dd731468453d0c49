// Functions to and from TensorFlow's protos. In graph/ only these files and function_reader
// see generated protobuf headers.
#pragma once

#include "core/base/limits.h"
#include "core/graph/function.h"
#include "proto/graph.pb.h"

namespace keras {

/// The FunctionDef of `function` under `name`: arguments first, then captures; private ops ("_FusedConv2D") do not occur,
/// since what is written is the Function as traced, not as rewritten.
tensorflow::FunctionDef to_function_def(const Function& function, std::string_view name);

tensorflow::TensorProto to_tensor_proto(const Tensor& tensor);
/// Throws DataLossError (sizes that do not fit) with `where` in its message, ResourceExhaustedError.
Tensor from_tensor_proto(const tensorflow::TensorProto& proto, std::string_view where, const Limits& limits);

/// An attribute of a kind as signatures have it ("int", "list(shape)"; functions aside). Throws DataLossError (another kind),
/// UnimplementedError (a dtype that is none of ours) with `where`, the attribute's name.
AttrValue from_attr_proto(std::string_view kind, const tensorflow::AttrValue& proto, std::string_view where,
                          const Limits& limits);

tensorflow::TensorShapeProto to_shape_proto(const Shape& shape);
Shape from_shape_proto(const tensorflow::TensorShapeProto& proto);

}  // namespace keras
