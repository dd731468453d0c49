// The signature of an op, read from its one-line text.
//
//   "(a: T, b: T) -> (product: T); T: {float, double}; transpose_a: bool = false; transpose_b: bool = false"
//
// An argument's type is an attribute ("T"), a fixed dtype ("int32"), "N * T" (N tensors of one dtype), or an attribute of
// kind list(type) ("Tin": one tensor for each). An attribute's kind is type, {a set of dtypes}, int, float, bool, string,
// shape, tensor, func, or list(kind); "= value" is its default (lists in brackets, strings in quotes).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/ops/attr.h"

namespace keras {

struct ArgDef {
  std::string name;
  DType dtype = DType::kInvalid;  // a fixed dtype, or
  std::string type_attr;          // the attribute that gives it, or
  std::string type_list_attr;     // the list attribute that gives all dtypes
  std::string number_attr;        // how many tensors, when given
};

struct AttrDef {
  std::string name;
  std::string kind;            // "type", "int", "list(int)", "func", …
  std::vector<DType> allowed;  // for kind "type"; empty: any
  std::optional<AttrValue> default_value;
};

struct OpSignature {
  std::vector<ArgDef> inputs;
  std::vector<ArgDef> outputs;
  std::vector<AttrDef> attrs;

  const AttrDef* attr(std::string_view name) const;
};

/// REQUIRES: a text of the form above (it is written in this source tree: anything else fails an assert).
OpSignature parse_signature(std::string_view text);

}  // namespace keras
