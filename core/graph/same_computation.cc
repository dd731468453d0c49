// Both graphs are walked together, from the results to the arguments.
#include "core/graph/same_computation.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <string_view>
#include <utility>

#include "core/graph/node_check.h"
#include "core/graph/same_attr.h"

namespace keras {
namespace {

bool same_tensor(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape() || a.raw() == nullptr || b.raw() == nullptr) return false;
  if (dtype_bytes(a.dtype()) == 0) return false;  // strings: no constant of ours
  return std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.size_bytes())) == 0;
}

/// What says nothing about results: known shapes, how to run.
bool is_hint(std::string_view attr) {
  return attr.starts_with('_') || attr == "output_shapes" || attr == "parallel_iterations" || attr.starts_with("config");
}

bool same_function(const FunctionRef& a, const FunctionRef& b) {
  return a.function != nullptr && b.function != nullptr && same_computation(*a.function, *b.function);
}

bool same_attrs(const Attrs& a, const Attrs& b) {
  const auto counted = [](const Attrs& attrs) {
    return std::count_if(attrs.items().begin(), attrs.items().end(), [](const auto& item) { return !is_hint(item.first); });
  };
  if (counted(a) != counted(b)) return false;
  return std::all_of(a.items().begin(), a.items().end(), [&](const auto& item) {
    if (is_hint(item.first)) return true;
    const AttrValue* other = b.find(item.first);
    return other != nullptr && same_attr(item.second, *other, same_tensor, same_function);
  });
}

class Comparison {
 public:
  Comparison(const Function& a, const Function& b) : a_(a), b_(b) {
    for (size_t i = 0; i < a.args.size(); ++i) partner_[b.args[i]] = a.args[i];
  }

  bool same(Edge a, Edge b) {
    a = behind_identities(a_, a);
    b = behind_identities(b_, b);
    if (a.output != b.output) return false;
    const Node &left = node(a_, a), &right = node(b_, b);
    if (left.op != right.op) return false;
    const std::string_view op = right.op->def->name;
    if (op == "Const") return same_attrs(left.attrs, right.attrs);
    const auto [known, is_new] = partner_.emplace(b.node, a.node);
    if (!is_new) return known->second == a.node;
    if (op == "_Arg" || left.inputs.size() != right.inputs.size() || !same_attrs(left.attrs, right.attrs)) return false;
    for (size_t i = 0; i < left.inputs.size(); ++i) {
      if (!same(left.inputs[i], right.inputs[i])) return false;
    }
    return true;
  }

 private:
  static const Node& node(const Function& function, const Edge& edge) { return function.nodes[static_cast<size_t>(edge.node)]; }

  static Edge behind_identities(const Function& function, Edge edge) {
    while (std::string_view(node(function, edge).op->def->name) == "Identity") edge = node(function, edge).inputs[0];
    return edge;
  }

  const Function &a_, &b_;
  std::map<int32_t, int32_t> partner_;  // node of b → node of a
};

}  // namespace

bool same_computation(const Function& a, const Function& b) {
  if (a.args.size() != b.args.size() || a.outputs.size() != b.outputs.size()) return false;
  if (!a.captures.empty() || !b.captures.empty() || is_stateful(a) || is_stateful(b)) return false;
  Comparison comparison(a, b);
  for (size_t i = 0; i < a.outputs.size(); ++i) {
    if (!comparison.same(a.outputs[i], b.outputs[i])) return false;
  }
  return true;
}

}  // namespace keras
