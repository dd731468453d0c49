#include "tests/core/graph/random_graph.h"

#include <array>

#include "core/base/error.h"
#include "core/graph/builder.h"
#include "core/graph/executor.h"
#include "core/graph/gradients.h"
#include "core/graph/node_check.h"
#include "core/ops/builders.h"
#include "tests/core/graph/support.h"

namespace keras::testing {
namespace {

constexpr int64_t kBatch = 7;  // of the shadows; no other dimension has it
constexpr int64_t kMaxElements = 3000;

/// SplitMix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  uint64_t next() {
    uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  int64_t below(int64_t bound) { return static_cast<int64_t>(next() % static_cast<uint64_t>(bound)); }
  bool chance(int percent) { return below(100) < percent; }
  template <class T, size_t N>
  const T& pick(const T (&list)[N]) {
    return list[static_cast<size_t>(below(N))];
  }

 private:
  uint64_t state_;
};

/// A value of the graph, and what it might be: proposals whose shapes do not fit are found out on the shadows.
struct Item {
  Value value;
  Tensor shadow;
};
using Items = std::vector<Item>;

/// Thrown where a step cannot be finished; what it has added stays.
struct GiveUp {};

/// What all graphs of one seed share.
struct World {
  Random random;
  bool differentiable, dense_of_rows;
  std::unique_ptr<Runtime> runtime = serial_runtime();
  std::vector<VariablePtr> variables;
  int functions = 0;
};

class Generator {
 public:
  Generator(World& world, GraphBuilder& builder, int depth) : world_(world), random_(world.random), b_(builder), depth_(depth) {}

  void add(Item item) {
    if (item.shadow.dtype() == DType::kFloat32) floats_.push_back(std::move(item));
  }
  Item arg(std::string_view name, const Tensor& shadow, const Shape& shape) {
    return {b_.arg(name, shadow.dtype(), shape), shadow};
  }
  void step();
  const Items& floats() const { return floats_; }
  Item pick() { return floats_[static_cast<size_t>(random_.below(static_cast<int64_t>(floats_.size())))]; }
  /// Of the shape of `like`, depending on `item`.
  Item as(const Item& item, const Item& like);

 private:
  /// Adds a node if it makes sense for the shadows. Empty if not.
  Items emit(std::string_view op, std::span<const Item> inputs, Attrs attrs = {});
  Items emit(std::string_view op, std::initializer_list<Item> inputs, Attrs attrs = {}) {
    return emit(op, std::span<const Item>(inputs.begin(), inputs.size()), std::move(attrs));
  }
  /// The same for ops of which there is no doubt.
  Item emit1(std::string_view op, std::initializer_list<Item> inputs, Attrs attrs = {}) {
    const Items items = emit(op, inputs, std::move(attrs));
    if (items.empty()) throw GiveUp();
    return items[0];
  }
  void keep(const Items& items) {
    for (const Item& item : items) add(item);
  }
  Item constant(Tensor value) {
    Tensor shadow = value;
    return {b_.constant(std::move(value)), shadow};
  }
  Item ints(std::vector<int32_t> values) { return constant(Tensor::vector<int32_t>(values)); }
  Item integer(int32_t value) { return constant(Tensor::scalar<int32_t>(value)); }
  Tensor values(const Shape& shape) { return noise(shape, static_cast<uint32_t>(random_.next())); }
  int64_t dim() { return random_.pick({int64_t{1}, int64_t{2}, int64_t{4}, int64_t{5}}); }
  /// Weights: a constant, or what a variable holds.
  Item weights(const Shape& shape, bool positive = false);
  Item read(const VariablePtr& variable) { return {b_.read(variable), variable->value()}; }
  Item pick_of_rank(int64_t rank);

  void unary();
  void binary();
  void dense();
  void dense_of_rows();
  void convolution();
  void reduce();
  void reshape();
  void transpose();
  void casts();
  void hand_on();
  void join_and_split();
  void slices();
  void choose();
  void assign();
  void draw();
  void again();
  void of_constants();
  void list();
  void call();
  void condition();
  void loop();
  FunctionPtr branch(const Item& x, const Item& y, int steps);

  World& world_;
  Random& random_;
  GraphBuilder& b_;
  int depth_;
  Items floats_;
};

Items Generator::emit(std::string_view op, std::span<const Item> inputs, Attrs attrs) {
  std::vector<Tensor> shadows;
  Values values;
  for (const Item& input : inputs) {
    shadows.push_back(input.shadow);
    values.push_back(input.value);
  }
  std::vector<Tensor> results;
  try {
    results = run_op(op, shadows, attrs, *world_.runtime);
  } catch (const Error&) {
    return {};
  }
  for (const Tensor& result : results) {
    if (result.elements() > kMaxElements || result.elements() == 0) return {};
  }
  const Values outputs = b_.emit(op, values, std::move(attrs));
  Items items;
  for (size_t i = 0; i < outputs.size(); ++i) items.push_back({outputs[i], results[i]});
  return items;
}

Item Generator::weights(const Shape& shape, bool positive) {
  Tensor value = values(shape);
  for (int64_t i = 0; positive && i < value.elements(); ++i) value.data<float>()[i] = std::abs(value.data<float>()[i]) + 0.5f;
  if (random_.chance(40)) return constant(value);
  world_.variables.push_back(variable("w" + std::to_string(world_.variables.size()), value));
  return read(world_.variables.back());
}

Item Generator::pick_of_rank(int64_t rank) {
  for (int tries = 0; tries < 8; ++tries) {
    const Item item = pick();
    if (item.shadow.rank() == rank) return item;
  }
  return floats_[rank == 4 && floats_.size() > 1 ? 1 : 0];
}

Item Generator::as(const Item& item, const Item& like) {
  std::vector<int32_t> axes;
  for (int32_t i = 0; i < item.shadow.rank(); ++i) axes.push_back(i);
  const Item mean = emit1("Mean", {emit1("Tanh", {item}), ints(axes)});
  return emit1("AddV2", {like, mean});
}

void Generator::unary() {
  const char* const op = random_.pick({"Tanh", "Sigmoid", "Relu", "Relu6", "Neg", "Abs", "Sin", "Cos", "Softsign", "Softplus",
                                       "Elu", "LeakyRelu", "Square", "ZerosLike", "OnesLike", "Softmax", "Sign"});
  keep(emit(op, {pick()}));
}

void Generator::binary() {
  const char* const op = random_.pick({"AddV2", "Sub", "Mul", "Maximum", "Minimum", "SquaredDifference"});
  const Item a = pick(), b = random_.chance(30) ? constant(values(random_.chance(50) ? Shape() : Shape{dim()})) : pick();
  const Items result = random_.chance(50) ? emit(op, {a, b}) : emit(op, {b, a});
  if (result.empty()) return;
  keep(random_.chance(50) ? emit("Tanh", {result[0]}) : result);
}

void Generator::dense() {
  Item x = pick_of_rank(2);
  if (x.shadow.rank() != 2) return;
  bool transpose_a = random_.chance(20);
  if (random_.chance(20)) x = emit1("Transpose", {x, ints({1, 0})});
  const int64_t rows = x.shadow.dim(transpose_a ? 0 : 1), units = dim();
  if (rows % kBatch == 0) return;  // weights know no batch
  const bool transpose_b = random_.chance(30);
  Items y;
  if (random_.chance(25)) {
    const Item turned = emit1("Transpose", {weights(transpose_b ? Shape{rows, units} : Shape{units, rows}), ints({1, 0})});
    y = emit("MatMul", {x, turned}, {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}});
  } else if (units == 5 && !transpose_b) {
    const std::string equation = transpose_a ? "ba,bc->ac" : "ab,bc->ac";
    y = emit("Einsum", {x, weights({rows, units})}, {{"equation", equation}});
  } else {
    y = emit("MatMul", {x, weights(transpose_b ? Shape{units, rows} : Shape{rows, units})},
             {{"transpose_a", transpose_a}, {"transpose_b", transpose_b}});
  }
  if (y.empty()) return;
  if (random_.chance(20)) keep(y);
  if (random_.chance(80)) y = emit("BiasAdd", {y[0], weights({units})});
  if (random_.chance(80)) y = emit(random_.pick({"Relu", "Tanh", "Sigmoid", "Elu", "Relu6"}), {y[0]});
  keep(y);
}

/// Dense for more than two axes: of all rows at once, the Reshape before or after the bias, perhaps to other rows or columns.
void Generator::dense_of_rows() {
  const Item x = pick_of_rank(3);
  if (x.shadow.rank() != 3 || x.shadow.dim(2) % kBatch == 0) return;  // weights know no batch
  const int64_t size = x.shadow.dim(2), units = dim();
  Items y = emit("MatMul", {emit1("Reshape", {x, ints({-1, static_cast<int32_t>(size)})}), weights({size, units})});
  if (y.empty()) return;
  if (random_.chance(10)) keep(y);
  const bool bias_first = random_.chance(20);
  if (bias_first) y = emit("BiasAdd", {y[0], weights({units})});
  const Item leading = emit1("Slice", {emit1("Shape", {x}), ints({0}), ints({2})});
  const auto same = static_cast<int32_t>(units);
  const Item shapes[] = {emit1("ConcatV2", {leading, ints({same}), integer(0)}),
                         ints({-1, same}),
                         ints({-1, 1, same}),
                         ints({-1, 2, same * 2}),
                         ints({-1, 2, 1}),
                         ints({-1, 2, same / 2 + same % 2})};
  y = emit("Reshape", {y[0], random_.pick(shapes)});
  if (y.empty()) return;
  if (random_.chance(10)) keep(y);
  const bool channels_first = random_.chance(10) && y[0].shadow.rank() == 3;
  const int64_t channels = y[0].shadow.dim(channels_first ? 1 : -1);
  const int64_t rows = y[0].shadow.dim(-2);
  if (!bias_first && channels % kBatch != 0 && rows % kBatch != 0 && random_.chance(50)) {
    const Item bias = weights(random_.chance(70) ? Shape{rows, y[0].shadow.dim(-1)} : Shape{y[0].shadow.dim(-1)});
    y = random_.chance(50) ? emit("AddV2", {y[0], bias}) : emit("AddV2", {bias, y[0]});
    if (y.empty()) return;
  } else if (!bias_first && channels % kBatch != 0) {
    y = emit("BiasAdd", {y[0], weights({channels})}, {{"data_format", std::string(channels_first ? "NCHW" : "NHWC")}});
    if (y.empty()) return;
  }
  if (random_.chance(80)) y = emit(random_.pick({"Relu", "Tanh", "Elu"}), {y[0]});
  keep(y);
}

void Generator::convolution() {
  Item x = pick_of_rank(4);
  if (x.shadow.rank() != 4 || x.shadow.dim(3) % kBatch == 0) return;
  const int64_t channels = x.shadow.dim(3), size = 1 + random_.below(3), filters = dim();
  if (random_.chance(30)) {
    const Items padded = emit(
        "Pad", {x, constant(Tensor::from(Shape{4, 2}, std::span<const int32_t>(std::vector<int32_t>{0, 0, 1, 1, 0, 1, 0, 0})))});
    if (!padded.empty()) x = padded[0];
  }
  const bool depthwise = random_.chance(30);
  const std::vector<int64_t> strides = random_.chance(30) ? std::vector<int64_t>{1, 2, 2, 1} : std::vector<int64_t>{1, 1, 1, 1};
  const Attrs attrs = {{"strides", strides}, {"padding", std::string(random_.chance(50) ? "SAME" : "VALID")}};
  Items y = depthwise ? emit("DepthwiseConv2dNative", {x, weights({size, size, channels, 1})}, attrs)
                      : emit("Conv2D", {x, weights({size, size, channels, filters})}, attrs);
  if (y.empty()) return;
  const int64_t made = y[0].shadow.dim(3);
  if (random_.chance(60)) y = emit("BiasAdd", {y[0], weights({made})});
  if (random_.chance(40)) {
    y = emit("FusedBatchNormV3", {y[0], weights({made}), weights({made}), weights({made}), weights({made}, true)},
             {{"is_training", false}, {"epsilon", 1e-3f}});
    if (!y.empty()) y.resize(1);
  }
  if (!y.empty() && random_.chance(30)) y = emit("AddV2", {y[0], pick_of_rank(4)});
  if (!y.empty() && random_.chance(60)) y = emit(random_.pick({"Relu", "Tanh", "Relu6"}), {y[0]});
  keep(y);
}

void Generator::reduce() {
  const Item x = pick();
  if (x.shadow.rank() == 0) return;
  const auto axis = static_cast<int32_t>(random_.below(x.shadow.rank()));
  keep(emit(random_.pick({"Sum", "Mean", "Max", "Min"}), {x, ints({axis})}, {{"keep_dims", random_.chance(50)}}));
}

void Generator::reshape() {
  const Item x = pick();
  switch (random_.below(6)) {
    case 0: return keep(emit("Reshape", {x, ints({-1})}));
    case 1: return keep(emit("Reshape", {x, ints({-1, 2})}));
    case 2: return keep(emit("ExpandDims", {x, integer(static_cast<int32_t>(random_.below(x.shadow.rank() + 1)))}));
    case 3: return keep(emit("Squeeze", {x}));
    case 4: {  // there and back again
      const Item shape = emit1("Shape", {x});
      const Items flat = emit("Reshape", {x, ints({1, -1})});
      return flat.empty() ? void() : keep(emit("Reshape", {flat[0], shape}));
    }
    default: {  // rows that the shape counts
      if (x.shadow.rank() < 2) return;
      const Item rows =
          emit1("StridedSlice", {emit1("Shape", {x}), ints({0}), ints({1}), ints({1})}, {{"shrink_axis_mask", int64_t{1}}});
      return keep(emit("Reshape", {x, emit1("Pack", {rows, integer(-1)})}));
    }
  }
}

void Generator::transpose() {
  const Item x = pick();
  std::vector<int32_t> perm, back(static_cast<size_t>(x.shadow.rank()));
  for (int32_t i = 0; i < x.shadow.rank(); ++i) perm.push_back(i);
  for (size_t i = perm.size(); i > 1; --i)
    std::swap(perm[i - 1], perm[static_cast<size_t>(random_.below(static_cast<int64_t>(i)))]);
  for (size_t i = 0; i < perm.size(); ++i) back[static_cast<size_t>(perm[i])] = static_cast<int32_t>(i);
  const Items turned = emit("Transpose", {x, ints(perm)});
  if (turned.empty()) return;
  keep(random_.chance(50) ? turned : emit("Transpose", {turned[0], ints(random_.chance(60) ? back : perm)}));
}

void Generator::casts() {
  const Item x = pick();
  const DType dtype = random_.pick({DType::kFloat32, DType::kFloat64, DType::kInt32, DType::kBool});
  if (world_.differentiable && !is_floating(dtype)) return;
  const Items there = emit("Cast", {x}, {{"DstT", dtype}});
  if (there.empty()) return;
  keep(emit("Cast", {there[0]}, {{"DstT", DType::kFloat32}}));
}

void Generator::hand_on() {
  if (random_.chance(30)) return keep(emit("IdentityN", {pick(), pick()}));
  keep(emit(random_.pick({"Identity", "StopGradient", "Snapshot"}), {pick()}));
}

void Generator::join_and_split() {
  const Item x = pick();
  switch (random_.below(4)) {
    case 0: return keep(emit("ConcatV2", {x, pick(), integer(static_cast<int32_t>(random_.below(2)))}));
    case 1: return keep(emit("Split", {integer(static_cast<int32_t>(random_.below(3))), x}, {{"num_split", int64_t{2}}}));
    case 2: return keep(emit("Pack", {x, pick()}, {{"axis", int64_t{0}}}));
    default: {
      if (x.shadow.rank() == 0 || x.shadow.dim(-1) % kBatch == 0) return;
      return keep(emit("Unpack", {x}, {{"num", x.shadow.dim(-1)}, {"axis", int64_t{-1}}}));
    }
  }
}

void Generator::slices() {
  const Item x = pick();
  if (x.shadow.rank() == 0 || !x.value.shape().known_rank()) return;
  if (random_.chance(50)) {
    return keep(emit("StridedSlice", {x, ints({static_cast<int32_t>(random_.below(2))}), ints({0}), ints({1})},
                     {{"end_mask", int64_t{1}}}));
  }
  keep(emit("GatherV2", {x, ints({0, 0}), integer(static_cast<int32_t>(x.shadow.rank()) - 1)}));
}

void Generator::choose() {
  const Item x = pick();
  const Item positive = emit1(random_.pick({"Greater", "Less"}), {x, constant(Tensor::scalar(0.123f))});
  keep(emit("SelectV2", {positive, x, random_.chance(50) ? pick() : constant(Tensor::scalar(-0.5f))}));
}

void Generator::assign() {
  if (world_.variables.empty()) return;
  const auto& variable = world_.variables[static_cast<size_t>(random_.below(static_cast<int64_t>(world_.variables.size())))];
  const Item mean = emit1("Mean", {emit1("Tanh", {pick()}), ints({})});
  if (random_.chance(50)) add(read(variable));
  const Item like{b_.read(variable), variable->value()};
  const Items scalar = emit("Sum", {pick(), ints({0})});
  const Item change = as(scalar.empty() ? mean : scalar[0], emit1("Mul", {like, constant(Tensor::scalar(0.5f))}));
  if (random_.chance(50))
    b_.assign(variable, change.value);
  else
    b_.assign_sub(variable, change.value);
  add(read(variable));
}

void Generator::draw() {
  const Items uniform = emit("RandomUniform", {ints({static_cast<int32_t>(dim())})}, {{"dtype", DType::kFloat32}});
  keep(uniform);
  if (!uniform.empty()) keep(emit("AddV2", {uniform[0], pick()}));
}

/// The same once more.
void Generator::again() {
  const Item x = pick();
  for (int i = 0; i < 2; ++i) {
    const Item scaled = emit1("Mul", {x, constant(Tensor::scalar(0.7f))});
    keep({emit1("Tanh", {emit1("AddV2", {scaled, constant(testing::floats({1}, {0.25f}))})})});
  }
}

void Generator::of_constants() {
  const Item sum = emit1("AddV2", {constant(values({4})), constant(values({}))});
  const Item scaled = emit1("Mul", {sum, emit1("Cast", {emit1("Size", {constant(values({5}))})}, {{"DstT", DType::kFloat32}})});
  keep({scaled});
  keep(emit("Mul", {pick(), emit1("Mean", {scaled, ints({0})})}));
  if (world_.differentiable) return;
  // Nothing of this may be computed too early: it fails if it runs.
  b_.emit("Assert", std::array{emit1("Less", {sum, constant(Tensor::scalar(100.0f))}).value, sum.value});
}

void Generator::list() {
  const Item x = pick();
  const Attrs dtype = {{"element_dtype", DType::kFloat32}};
  Item list = emit1("TensorListReserve", {integer(-1), integer(2)}, dtype);
  list = emit1("TensorListSetItem", {list, integer(0), x}, dtype);
  const Item before = list;
  list = emit1("TensorListSetItem", {list, integer(1), emit1("Tanh", {x})}, dtype);
  keep(emit("TensorListStack", {list, integer(-1)}, dtype));
  if (random_.chance(50)) keep(emit("TensorListGetItem", {before, integer(0), integer(-1)}, dtype));  // not changed by then
  const Items popped = emit("TensorListPopBack", {list, integer(-1)}, dtype);
  if (!popped.empty()) add(popped[1]);
}

/// (x, y) → something of x's shape.
FunctionPtr Generator::branch(const Item& x, const Item& y, int steps) {
  GraphBuilder builder("f" + std::to_string(world_.functions++));
  Generator inner(world_, builder, depth_ + 1);
  const Item first = inner.arg("x", x.shadow, x.value.shape()), second = inner.arg("y", y.shadow, y.value.shape());
  inner.add(first);
  inner.add(second);
  for (int i = 0; i < steps; ++i) inner.step();
  const std::array results = {inner.as(inner.pick(), first).value};
  return builder.finish(results, {"z"});
}

void Generator::call() {
  const Item x = pick(), y = pick();
  const FunctionPtr function = branch(x, y, 4);
  const std::array inputs = {x.value, y.value};
  add({b_.call(function, inputs)[0], x.shadow});
}

void Generator::condition() {
  const Item x = pick(), y = pick();
  const FunctionPtr then_branch = branch(x, y, 4), else_branch = branch(x, y, 3);
  const Item decision = random_.chance(30)
                            ? constant(Tensor::scalar(random_.chance(50)))
                            : emit1("Greater", {as(y, constant(Tensor::scalar(0.0f))), constant(Tensor::scalar(0.05f))});
  const std::array inputs = {x.value, y.value};
  add({b_.cond(decision.value, then_branch, else_branch, inputs)[0], x.shadow});
}

/// (i, n, x, y, list) → (i + 1, n, f(x, y), y, list with x).
void Generator::loop() {
  const Item x = pick(), y = pick();
  const Attrs dtype = {{"element_dtype", DType::kFloat32}};
  GraphBuilder condition("go_on" + std::to_string(world_.functions)), body("round" + std::to_string(world_.functions++));
  const Tensor zero = Tensor::scalar<int32_t>(0), empty = Tensor::variant(nullptr);
  Generator inner(world_, body, depth_ + 1);
  const Item i = inner.arg("i", zero, {}), n = inner.arg("n", zero, {}), first = inner.arg("x", x.shadow, x.value.shape());
  const Item second = inner.arg("y", y.shadow, y.value.shape());
  const Value list = body.arg("list", DType::kVariant, {});
  const Value at = condition.arg("i", DType::kInt32, {}), end = condition.arg("n", DType::kInt32, {});
  condition.arg("x", DType::kFloat32, x.value.shape());
  condition.arg("y", DType::kFloat32, y.value.shape());
  condition.arg("list", DType::kVariant, {});
  inner.add(first);
  inner.add(second);
  for (int k = 0; k < 5; ++k) inner.step();
  const Item next = inner.emit1("Tanh", {inner.as(inner.pick(), first)});
  const std::array push = {list, first.value};
  const std::array results = {keras::add(i.value, 1.0), n.value, next.value, second.value,
                              body.emit("TensorListPushBack", push, dtype)[0]};
  const std::array decision = {less(at, end)};
  const FunctionPtr go_on = condition.finish(decision, {"go_on"});
  const FunctionPtr round = body.finish(results, {"i", "n", "x", "y", "list"});
  const std::array inputs = {
      b_.constant(zero), b_.constant(Tensor::scalar(static_cast<int32_t>(random_.below(4)))), x.value, y.value,
      b_.emit("EmptyTensorList", std::array{b_.constant(Tensor::scalar<int32_t>(-1)), b_.constant(Tensor::scalar<int32_t>(-1))},
              dtype)[0]};
  const Values ends = b_.while_loop(go_on, round, inputs);
  add({ends[2], x.shadow});
  const std::array length = {ends[4]};
  const Value rounds = cast(b_.emit("TensorListLength", length)[0], DType::kFloat32);
  add({mul(ends[3], rounds), y.shadow});
}

void Generator::step() {
  using Production = void (Generator::*)();
  constexpr Production kPlain[] = {
      &Generator::unary, &Generator::unary,        &Generator::binary,         &Generator::binary,       &Generator::dense,
      &Generator::dense, &Generator::convolution,  &Generator::reduce,         &Generator::reshape,      &Generator::transpose,
      &Generator::casts, &Generator::hand_on,      &Generator::join_and_split, &Generator::slices,       &Generator::choose,
      &Generator::again, &Generator::of_constants, &Generator::list,           &Generator::dense_of_rows};
  constexpr size_t kWithoutRows = std::size(kPlain) - 1;
  constexpr Production kCalls[] = {&Generator::call, &Generator::condition, &Generator::loop};
  try {
    if (depth_ < 2 && random_.chance(12)) return (this->*random_.pick(kCalls))();
    if (!world_.differentiable && random_.chance(8)) return random_.chance(70) ? assign() : draw();
    (this->*kPlain[random_.below(static_cast<int64_t>(world_.dense_of_rows ? std::size(kPlain) : kWithoutRows))])();
  } catch (const GiveUp&) {
  }
}

}  // namespace

RandomGraph random_graph(const RandomGraphOptions& options) {
  World world{Random(options.seed), options.gradients, options.dense_of_rows};
  GraphBuilder builder("random");
  Generator generator(world, builder, 0);
  const std::vector<Tensor> args = random_args(kBatch);
  const Item x = generator.arg("x", args[0], {-1, 4}), image = generator.arg("image", args[1], {-1, 5, 4, 2});
  generator.add(x);
  generator.add(image);
  for (int i = 0; i < options.steps; ++i) generator.step();

  const Items& floats = generator.floats();
  Values results;
  for (size_t i = 1; i <= 4; ++i) results.push_back(floats[(floats.size() - 1) * i / 4].value);
  if (options.gradients) {
    Values xs = {x.value, image.value};
    for (const VariablePtr& variable : builder.captured_variables()) xs.push_back(builder.handle(variable));
    const Values ys(results);
    for (const Value& gradient : gradients(builder, ys, xs)) {
      if (gradient.valid()) results.push_back(gradient);
    }
  }
  for (const VariablePtr& variable : world.variables) results.push_back(builder.read(variable));
  std::vector<std::string> names;
  for (size_t i = 0; i < results.size(); ++i) names.push_back("result_" + std::to_string(i));
  RandomGraph graph{builder.finish(results, names), world.variables, {}};
  for (const VariablePtr& variable : graph.variables) graph.initial.push_back(variable->value().clone());
  return graph;
}

std::vector<Tensor> random_args(int64_t batch) { return {noise({batch, 4}, 11), noise({batch, 5, 4, 2}, 12)}; }

std::string to_lines(const Function& function) {
  std::string text = function.name + ":\n";
  for (size_t i = 0; i < function.nodes.size(); ++i) {
    const Node& node = function.nodes[i];
    text += keras::format("  {}: {}(", i, node.op->def->name);
    for (const Edge& input : node.inputs) text += keras::format(" {}:{}", input.node, input.output);
    text += keras::format(" ) {} '{}'\n", node.shapes.empty() ? std::string() : to_text(node.shapes[0]), node.name);
  }
  text += "  →";
  for (const Edge& output : function.outputs) text += keras::format(" {}:{}", output.node, output.output);
  text += "\n";
  for (const Node& node : function.nodes) {
    for (const FunctionRef* called : called_functions(node.attrs)) text += to_lines(*called->function);
  }
  return text;
}

}  // namespace keras::testing
