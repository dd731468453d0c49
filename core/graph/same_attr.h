// Comparing attributes of nodes.
#pragma once

#include <type_traits>
#include <variant>
#include <vector>

#include "core/ops/attr.h"

namespace keras {

/// Whether two attributes have the same value. What makes tensors and Functions the same is the caller's to say, by
/// same_tensor(a, b) and same_function(a, b); lists of Functions never are.
template <class SameTensor, class SameFunction>
bool same_attr(const AttrValue& a, const AttrValue& b, SameTensor same_tensor, SameFunction same_function) {
  if (a.index() != b.index()) return false;
  return std::visit(
      [&]<class T>(const T& value) {
        const T& other = std::get<T>(b);
        if constexpr (std::is_same_v<T, Tensor>)
          return same_tensor(value, other);
        else if constexpr (std::is_same_v<T, FunctionRef>)
          return same_function(value, other);
        else if constexpr (std::is_same_v<T, std::vector<FunctionRef>>)
          return false;
        else
          return value == other;
      },
      a);
}

}  // namespace keras
