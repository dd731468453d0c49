// Common subexpressions: the op, its attributes and its inputs decide the value.
#include <algorithm>
#include <cstring>
#include <functional>

#include "core/graph/passes/passes.h"
#include "core/graph/same_attr.h"

namespace keras {
namespace {

// Larger constants are not compared.
constexpr int64_t kMaxComparedBytes = 65536;

bool is_plain(DType dtype) { return dtype != DType::kString && dtype != DType::kResource && dtype != DType::kVariant; }

bool same_value(const Tensor& a, const Tensor& b) {
  if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
  if (a.raw() == b.raw() && a.owner() == b.owner()) return true;
  if (!is_plain(a.dtype()) || a.size_bytes() > kMaxComparedBytes) return false;
  return a.size_bytes() == 0 || std::memcmp(a.raw(), b.raw(), static_cast<size_t>(a.size_bytes())) == 0;
}

/// What calls Functions is not merged.
bool same_function(const FunctionRef&, const FunctionRef&) { return false; }

/// Whether `a` is `b` with these inputs.
bool same_node(const Node& a, const Node& b, const std::vector<Edge>& inputs) {
  if (a.op != b.op || a.inputs != inputs || a.dtypes != b.dtypes) return false;
  const auto &items = a.attrs.items(), &others = b.attrs.items();
  return std::equal(items.begin(), items.end(), others.begin(), others.end(), [](const auto& x, const auto& y) {
    return x.first == y.first && same_attr(x.second, y.second, same_value, same_function);
  });
}

size_t mix(size_t hash, size_t value) { return hash ^ (value + 0x9e3779b9u + (hash << 6) + (hash >> 2)); }

size_t hash_of(const Node& node, const std::vector<Edge>& inputs) {
  size_t hash = std::hash<const void*>()(node.op);
  for (const Edge& input : inputs) {
    hash = mix(mix(hash, static_cast<size_t>(input.node)), static_cast<size_t>(input.output));
  }
  if (const AttrValue* value = node.attrs.find("value")) {
    if (const auto* tensor = std::get_if<Tensor>(value)) {
      hash = mix(hash, static_cast<size_t>(tensor->elements()));
      if (is_plain(tensor->dtype()) && tensor->raw() != nullptr && tensor->size_bytes() <= kMaxComparedBytes) {
        const std::string_view bytes(reinterpret_cast<const char*>(tensor->raw()), static_cast<size_t>(tensor->size_bytes()));
        hash = mix(hash, std::hash<std::string_view>()(bytes));
      }
    }
  }
  return hash;
}

/// Lists stay apart: one that has a single owner is changed in place.
bool may_merge(const Node& node) {
  if ((node.op->def->flags & (kStateful | kCallsFunctions)) != 0 || node.dtypes.empty()) return false;
  if (std::string_view(node.op->def->name) == "_Arg") return false;
  return std::find(node.dtypes.begin(), node.dtypes.end(), DType::kVariant) == node.dtypes.end();
}

bool is_capture(const Function& function, int32_t node) {
  return std::any_of(function.captures.begin(), function.captures.end(), [&](const Capture& c) { return c.node == node; });
}

}  // namespace

bool DuplicateMerger::visit(Rewriter& rewriter, int32_t id, const Node& node) {
  if (std::string_view(node.op->def->name) == "ReadVariableOp") return visit_read(rewriter, id, node);
  if ((node.op->def->flags & (kStateful | kCallsFunctions)) != 0) forget_reads(rewriter, node);
  if (!may_merge(node)) return false;
  const std::vector<Edge> inputs = rewriter.mapped(node.inputs);
  const size_t hash = hash_of(node, inputs);
  const auto [first, last] = made_.equal_range(hash);
  const auto found =
      std::find_if(first, last, [&](const auto& entry) { return same_node(rewriter.made({entry.second, 0}), node, inputs); });
  if (found == last) {
    made_.emplace(hash, rewriter.next_node());
    return false;
  }
  rewriter.replace_all(id, found->second);
  return true;
}

bool DuplicateMerger::visit_read(Rewriter& rewriter, int32_t id, const Node& node) {
  const int32_t handle = node.inputs[0].node;
  const auto found = reads_.find(handle);
  if (found == reads_.end() || rewriter.dtype({found->second, 0}) != node.dtypes[0]) {
    reads_[handle] = rewriter.next_node();
    return false;
  }
  rewriter.replace(id, {found->second, 0});
  return true;
}

/// An op that may write. Captures are different variables; an argument may be any of them.
void DuplicateMerger::forget_reads(const Rewriter& rewriter, const Node& node) {
  const Function& function = rewriter.source();
  for (const Edge& input : node.inputs) {
    if (function.dtype(input) != DType::kResource) continue;
    if (!is_capture(function, input.node)) return reads_.clear();
    std::erase_if(reads_, [&](const auto& read) { return read.first == input.node || !is_capture(function, read.first); });
  }
  for (const auto& [name, value] : node.attrs.items()) {
    const bool calls = std::holds_alternative<FunctionRef>(value) || std::holds_alternative<std::vector<FunctionRef>>(value);
    if (calls && (node.op->def->flags & kStateful) != 0) reads_.clear();  // Functions may have captures of their own
  }
}

}  // namespace keras
