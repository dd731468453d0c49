// The registry: signatures parsed at first use, ops found by name.
#include "core/ops/registry.h"

#include <algorithm>

#include "core/ops/families.h"

namespace keras {
namespace {

std::vector<RegisteredOp> register_all() {
  std::vector<const OpDef*> defs;
  for (const auto family : op_families()) {
    for (const OpDef& def : family) defs.push_back(&def);
  }
  std::sort(defs.begin(), defs.end(),
            [](const OpDef* a, const OpDef* b) { return std::string_view(a->name) < std::string_view(b->name); });
  std::vector<RegisteredOp> ops;
  for (const OpDef* def : defs) ops.push_back({def, parse_signature(def->signature)});
  return ops;
}

const std::vector<RegisteredOp>& registered_ops() {
  static const std::vector<RegisteredOp> ops = register_all();
  return ops;
}

}  // namespace

const RegisteredOp* find_op(std::string_view name) {
  const auto& ops = registered_ops();
  const auto it = std::lower_bound(ops.begin(), ops.end(), name, [](const RegisteredOp& op, std::string_view wanted) {
    return std::string_view(op.def->name) < wanted;
  });
  return it != ops.end() && it->def->name == name ? &*it : nullptr;
}

std::vector<const RegisteredOp*> all_ops() {
  std::vector<const RegisteredOp*> ops;
  for (const RegisteredOp& op : registered_ops()) ops.push_back(&op);
  return ops;
}

}  // namespace keras
