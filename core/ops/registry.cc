// The registry: signatures parsed at first use, ops found by name.
#include "core/ops/registry.h"

#include <algorithm>
#include <memory>

#include "core/ops/families.h"

namespace keras {
namespace {

/// All ops in order of names. A signature is parsed when its op is first asked for: a model uses few of them.
class Registry {
 public:
  Registry() {
    for (const auto family : op_families()) {
      for (const OpDef& def : family) defs_.push_back(&def);
    }
    std::sort(defs_.begin(), defs_.end(), [](const OpDef* a, const OpDef* b) { return name_of(a) < name_of(b); });
    ops_.resize(defs_.size());
  }

  size_t size() const { return defs_.size(); }
  const RegisteredOp& at(size_t index) {
    auto& op = ops_[index];
    if (op == nullptr) op = std::make_unique<RegisteredOp>(RegisteredOp{defs_[index], parse_signature(defs_[index]->signature)});
    return *op;
  }
  const RegisteredOp* find(std::string_view name) {
    const auto it = std::lower_bound(defs_.begin(), defs_.end(), name,
                                     [](const OpDef* def, std::string_view wanted) { return name_of(def) < wanted; });
    return it != defs_.end() && name_of(*it) == name ? &at(static_cast<size_t>(it - defs_.begin())) : nullptr;
  }

 private:
  static std::string_view name_of(const OpDef* def) { return def->name; }

  std::vector<const OpDef*> defs_;
  std::vector<std::unique_ptr<RegisteredOp>> ops_;
};

Registry& registry() {
  static Registry the_registry;
  return the_registry;
}

}  // namespace

const RegisteredOp* find_op(std::string_view name) { return registry().find(name); }

std::vector<const RegisteredOp*> all_ops() {
  std::vector<const RegisteredOp*> ops;
  for (size_t i = 0; i < registry().size(); ++i) ops.push_back(&registry().at(i));
  return ops;
}

}  // namespace keras
