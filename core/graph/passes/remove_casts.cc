// Casts that are not needed.
#include <algorithm>
#include <initializer_list>

#include "core/graph/passes/passes.h"

namespace keras {
namespace {

bool is_one_of(DType dtype, std::initializer_list<DType> list) {
  return std::find(list.begin(), list.end(), dtype) != list.end();
}

/// Whether each value of dtype `from` is one of dtype `to`.
bool loses_nothing(DType from, DType to) {
  using enum DType;
  switch (from) {
    case kBool:
      return is_one_of(
          to, {kUint8, kInt8, kUint16, kInt16, kUint32, kInt32, kUint64, kInt64, kFloat16, kBfloat16, kFloat32, kFloat64});
    case kUint8: return is_one_of(to, {kUint16, kInt16, kUint32, kInt32, kUint64, kInt64, kFloat16, kFloat32, kFloat64});
    case kInt8: return is_one_of(to, {kInt16, kInt32, kInt64, kFloat16, kFloat32, kFloat64});
    case kUint16: return is_one_of(to, {kUint32, kInt32, kUint64, kInt64, kFloat32, kFloat64});
    case kInt16: return is_one_of(to, {kInt32, kInt64, kFloat32, kFloat64});
    case kUint32: return is_one_of(to, {kUint64, kInt64, kFloat64});
    case kInt32: return is_one_of(to, {kInt64, kFloat64});
    case kFloat16:
    case kBfloat16: return is_one_of(to, {kFloat32, kFloat64});
    case kFloat32: return to == kFloat64;
    default: return false;
  }
}

}  // namespace

bool remove_cast(Rewriter& rewriter, int32_t id, const Node& node) {
  if (std::string_view(node.op->def->name) != "Cast") return false;
  const Edge input = rewriter.mapped(node.inputs[0]);
  const DType to = node.dtypes[0];
  if (rewriter.dtype(input) == to) {
    rewriter.replace(id, input);
    return true;
  }
  if (!rewriter.is(input, "Cast")) return false;
  const Edge source = rewriter.made(input).inputs[0];
  const DType from = rewriter.dtype(source);
  if (!loses_nothing(from, rewriter.dtype(input))) return false;
  if (from == to) {
    rewriter.replace(id, source);
    return true;
  }
  if (!loses_nothing(from, to)) return false;
  rewriter.replace(id, rewriter.emit("Cast", {source}, {{"DstT", to}}, node.name));
  return true;
}

}  // namespace keras
