// Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate: layers of several inputs.
#include "core/keras/layers/classes.h"

namespace keras {
namespace {

/// Inputs [batch, …] of shapes that broadcast.
template <class Kind>
class Merge final : public LayerBase<Merge<Kind>> {
 public:
  using LayerBase<Merge<Kind>>::LayerBase;
  static constexpr std::string_view kClassName = Kind::kClassName;
  static const ConfigTable<Merge>& table() {
    static const ConfigTable<Merge> rows;
    return rows;
  }
  void check_inputs(const std::vector<Shape>& inputs) const override {
    if (inputs.size() < 2) {
      throw ValueError("A merge layer should be called on a list of at least 2 inputs. Got {} inputs. (layer '{}')",
                       inputs.size(), this->name());
    }
  }
  Values call(CallContext&, std::span<const Value> inputs) override {
    Value result = inputs[0];
    for (size_t i = 1; i < inputs.size(); ++i) result = Kind::merge(result, inputs[i]);
    return {Kind::finish(result, inputs.size())};
  }
};

struct Plain {
  static Value finish(const Value& x, size_t) { return x; }
};
struct AddKind : Plain {
  static constexpr std::string_view kClassName = "Add";
  static Value merge(const Value& a, const Value& b) { return add(a, b); }
};
struct SubtractKind : Plain {
  static constexpr std::string_view kClassName = "Subtract";
  static Value merge(const Value& a, const Value& b) { return sub(a, b); }
};
struct MultiplyKind : Plain {
  static constexpr std::string_view kClassName = "Multiply";
  static Value merge(const Value& a, const Value& b) { return mul(a, b); }
};
struct MaximumKind : Plain {
  static constexpr std::string_view kClassName = "Maximum";
  static Value merge(const Value& a, const Value& b) { return maximum(a, b); }
};
struct MinimumKind : Plain {
  static constexpr std::string_view kClassName = "Minimum";
  static Value merge(const Value& a, const Value& b) { return minimum(a, b); }
};
struct AverageKind {
  static constexpr std::string_view kClassName = "Average";
  static Value merge(const Value& a, const Value& b) { return add(a, b); }
  static Value finish(const Value& x, size_t count) { return div(x, static_cast<double>(count)); }
};

/// Inputs equal in all dimensions but `axis`.
class Concatenate final : public LayerBase<Concatenate> {
 public:
  using LayerBase::LayerBase;
  static constexpr std::string_view kClassName = "Concatenate";
  int64_t axis = -1;
  static const ConfigTable<Concatenate>& table() {
    static const ConfigTable<Concatenate> rows = {field("axis", &Concatenate::axis)};
    return rows;
  }
  Values call(CallContext&, std::span<const Value> inputs) override { return {concat(inputs, axis)}; }
};

}  // namespace

LayerPtr make_add(Session& s) { return std::make_shared<Merge<AddKind>>(s); }
LayerPtr make_subtract(Session& s) { return std::make_shared<Merge<SubtractKind>>(s); }
LayerPtr make_multiply(Session& s) { return std::make_shared<Merge<MultiplyKind>>(s); }
LayerPtr make_average(Session& s) { return std::make_shared<Merge<AverageKind>>(s); }
LayerPtr make_maximum(Session& s) { return std::make_shared<Merge<MaximumKind>>(s); }
LayerPtr make_minimum(Session& s) { return std::make_shared<Merge<MinimumKind>>(s); }
LayerPtr make_concatenate(Session& s) { return std::make_shared<Concatenate>(s); }

}  // namespace keras
