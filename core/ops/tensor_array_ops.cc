// TensorFlow 1's TensorArrays: objects that ops write to and read from; a float called flow says in which order. What today's
// TensorFlow writes are TensorLists (list_ops.cc). The gradients of an array's elements are an array beside it: the gradient of a
// read writes there, that of a write reads there.
#include <algorithm>
#include <map>

#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/seldom_families.h"
#include "core/ops/shape_functions.h"

namespace keras {
namespace {

using Ints = std::vector<int64_t>;

class TensorArray;

/// An array is behind a box, which closing it empties.
struct Box {
  std::unique_ptr<TensorArray> array;
};

Tensor sum_of(const Tensor& a, const Tensor& b) {
  Tensor sum = Tensor::allocate(a.dtype(), a.shape());
  with_compute_type(a.dtype(), "TensorArrayWriteV3", [&]<class T>(T) {
    for (int64_t i = 0; i < sum.elements(); ++i) sum.data<T>()[i] = kernels::Add::apply(a.data<T>()[i], b.data<T>()[i]);
  });
  return sum;
}

class TensorArray {
 public:
  TensorArray(const Attrs& attrs, int64_t size)
      : dtype_(attrs.get_dtype("dtype")),
        element_shape_(attrs.get<Shape>("element_shape")),
        grows_(attrs.get_bool("dynamic_size")),
        clears_(attrs.get_bool("clear_after_read")),
        identical_(attrs.get_bool("identical_element_shapes")),
        elements_(static_cast<size_t>(size)) {}

  /// The array of this one's gradients, into which each element may be written several times: what is read is their sum. There is
  /// one for each source, made when it is first asked for; this array grows no more then.
  const std::shared_ptr<Box>& gradients(const std::string& source);

  int64_t size() const { return static_cast<int64_t>(elements_.size()); }
  bool grows() const { return grows_; }
  const Shape& element_shape() const { return element_shape_; }
  DType dtype() const { return dtype_; }

  void write(int64_t index, Tensor value, const Limits& limits) {
    if (value.dtype() != dtype_) {
      throw InvalidArgumentError("TensorArray dtype is {} but Op is trying to write dtype {}.", dtype_, value.dtype());
    }
    if (index < 0 || (index >= size() && !grows_)) {
      throw InvalidArgumentError("Tried to write to index {} but array is not resizeable and size is: {}", index, size());
    }
    if (index >= limits.file_objects * 16) throw ResourceExhaustedError("A TensorArray of {} elements is too long", index);
    if (index >= size()) elements_.resize(static_cast<size_t>(index) + 1);
    if (!element_shape_.compatible_with(value.shape())) {
      throw InvalidArgumentError(
          "Could not write to TensorArray index {} because the value shape is {} which is incompatible with "
          "the TensorArray's inferred element shape: {} (consider setting infer_shape=False).",
          index, value.shape(), element_shape_);
    }
    if (identical_) element_shape_ = value.shape();
    Element& element = elements_[static_cast<size_t>(index)];
    if (element.is_cleared) {
      throw InvalidArgumentError("Could not write to TensorArray index {} because it has already been read.", index);
    }
    if (sums_) return add(element, index, std::move(value));
    if (element.value.valid()) {
      throw InvalidArgumentError("Could not write to TensorArray index {} because it has already been written to.", index);
    }
    element.shape = value.shape();
    element.value = std::move(value);
  }

  Tensor read(int64_t index) {
    if (index < 0 || index >= size()) {
      throw InvalidArgumentError("Tried to read from index {} but array size is: {}", index, size());
    }
    Element& element = elements_[static_cast<size_t>(index)];
    if (element.is_cleared) {
      throw InvalidArgumentError(
          "Could not read index {} twice because it was cleared after a previous read (perhaps try setting "
          "clear_after_read = false?).",
          index);
    }
    Tensor value = element.value;
    const Shape& shape = element.shape.fully_known() ? element.shape : element_shape_;
    if (!value.valid() && !shape.fully_known()) {
      throw InvalidArgumentError(
          "Could not read from TensorArray index {}: it was not written, and the element shape is not fully "
          "defined: {}",
          index, shape);
    }
    if (!value.valid()) value = Tensor::zeros(dtype_, shape);
    if (clears_) {
      element.value = Tensor();
      element.is_cleared = true;
    }
    return value;
  }

 private:
  struct Element {
    Tensor value;                         // not valid(): not written, or cleared
    Shape shape = Shape::unknown_rank();  // of the value, also once it is cleared; in an array of gradients that of the element
    bool is_cleared = false;
  };

  /// The array of another's gradients.
  explicit TensorArray(const TensorArray* of)
      : dtype_(of->dtype_), element_shape_(of->element_shape_), grows_(false), clears_(true), identical_(false), sums_(true) {
    for (const Element& element : of->elements_) elements_.push_back({Tensor(), element.shape});
  }

  void add(Element& element, int64_t index, Tensor value) {
    if (!element.shape.compatible_with(value.shape())) {
      throw InvalidArgumentError(
          "Could not aggregate to TensorArray index {} because the existing shape is {} but the new input shape is {}.", index,
          element.shape, value.shape());
    }
    element.shape = value.shape();
    was_summed_ = was_summed_ || element.value.valid();
    element.value = element.value.valid() ? sum_of(element.value, value) : std::move(value);
  }

  DType dtype_;
  Shape element_shape_;
  bool grows_, clears_, identical_, sums_ = false;
  bool was_summed_ = false;
  std::vector<Element> elements_;
  std::map<std::string, std::shared_ptr<Box>> gradients_;  // by source
};

const std::shared_ptr<Box>& TensorArray::gradients(const std::string& source) {
  if (was_summed_) {
    throw InvalidArgumentError(
        "Unable to create a gradients TensorArray. Gradient calculation is impossible when multiple writes are performed to the "
        "same index.");
  }
  grows_ = false;
  std::shared_ptr<Box>& box = gradients_[source];
  if (box == nullptr) box = std::make_shared<Box>(Box{std::unique_ptr<TensorArray>(new TensorArray(this))});
  return box;
}

constexpr std::byte kArrayMark{};  // where an array's handle points

Tensor handle_of(std::shared_ptr<Box> box) {
  return Tensor::borrow(DType::kResource, Shape(), const_cast<std::byte*>(&kArrayMark), std::move(box));
}

Box& box_of(const Tensor& handle) {
  if (handle.raw() != &kArrayMark) throw InvalidArgumentError("The handle holds no TensorArray");
  return *handle.object<Box>();
}
TensorArray& array_of(KernelContext& c) {
  Box& box = box_of(c.input(0));
  if (box.array == nullptr) throw InvalidArgumentError("TensorArray has already been closed.");
  return *box.array;
}

/// An array that holds what the op's output has.
TensorArray& array_to_read(KernelContext& c) {
  TensorArray& array = array_of(c);
  if (array.dtype() != c.output_dtype(0)) {
    throw InvalidArgumentError("TensorArray dtype is {} but Op requested dtype {}.", array.dtype(), c.output_dtype(0));
  }
  return array;
}

void set_flow(KernelContext& c, int output) { c.output(output, Shape()).data<float>()[0] = 0; }

void make_kernel(KernelContext& c) {
  const int64_t size = shape::one_element(c.input(0), "TensorArray size");
  if (size < 0) throw InvalidArgumentError("Size should be >= 0.");
  if (size > c.limits().file_objects * 16) throw ResourceExhaustedError("A TensorArray of {} elements is too long", size);
  c.set_output(0, handle_of(std::make_shared<Box>(Box{std::make_unique<TensorArray>(c.attrs(), size)})));
  set_flow(c, 1);
}

void gradients_kernel(KernelContext& c) {
  c.set_output(0, handle_of(array_of(c).gradients(c.attrs().get_string("source"))));
  set_flow(c, 1);
}

void close_kernel(KernelContext& c) { box_of(c.input(0)).array = nullptr; }
void size_kernel(KernelContext& c) { c.output(0, Shape()).data<int32_t>()[0] = static_cast<int32_t>(array_of(c).size()); }

void write_kernel(KernelContext& c) {
  const Tensor& value = c.input(2);
  array_of(c).write(shape::one_element(c.input(1), "index"), value.holds_object() ? value : value.clone(), c.limits());
  set_flow(c, 0);
}

void read_kernel(KernelContext& c) { c.set_output(0, array_to_read(c).read(shape::one_element(c.input(1), "index"))); }

Ints inner_dims(const Shape& shape) { return {shape.dims().begin() + 1, shape.dims().end()}; }

/// Rows [first, first + count) of a tensor, `count` < 0: row `first` without its axis.
Tensor part_of(const Tensor& tensor, int64_t first, int64_t count) {
  Ints dims = inner_dims(tensor.shape());
  const int64_t row = tensor.dim(0) > 0 ? tensor.elements() / tensor.dim(0) : 0;
  if (count >= 0) dims.insert(dims.begin(), count);
  Tensor part = Tensor::allocate(tensor.dtype(), Shape(std::move(dims)));
  kernels::copy_part(tensor, first * row, part, 0, part.elements());
  return part;
}

void check_rows(const Tensor& value) {
  if (value.rank() < 1 || value.holds_object()) throw InvalidArgumentError("Expected value to be at least a vector of numbers");
}

void scatter_kernel(KernelContext& c) {
  TensorArray& array = array_of(c);
  const Ints indices = c.input(1).to_int64s();
  const Tensor& value = c.input(2);
  check_rows(value);
  if (c.input(1).rank() != 1 || value.dim(0) != static_cast<int64_t>(indices.size())) {
    throw InvalidArgumentError("Expected len(indices) == values.shape[0], but saw: {} vs. {}", indices.size(), value.dim(0));
  }
  for (size_t i = 0; i < indices.size(); ++i) {
    array.write(indices[i], part_of(value, static_cast<int64_t>(i), -1), c.limits());
  }
  set_flow(c, 0);
}

void split_kernel(KernelContext& c) {
  TensorArray& array = array_of(c);
  const Tensor& value = c.input(1);
  const Ints lengths = c.input(2).to_int64s();
  check_rows(value);
  int64_t total = 0;
  for (const int64_t length : lengths) {
    if (length < 0) throw InvalidArgumentError("Lengths must not be negative, found {}", length);
    total = shape::add_dims(total, length);
  }
  if (total != value.dim(0)) {
    throw InvalidArgumentError(
        "Expected sum of lengths to be equal to values.shape[0], but sum of lengths is {} and value's shape "
        "is: {}",
        total, value.shape());
  }
  const auto count = static_cast<int64_t>(lengths.size());
  if (array.size() != count && !(array.grows() && count > array.size())) {
    throw InvalidArgumentError(
        "TensorArray's size is not equal to the size of lengths ({} vs. {}), and the TensorArray is not "
        "marked as dynamically resizeable",
        array.size(), count);
  }
  int64_t at = 0;
  for (int64_t i = 0; i < count; ++i) {
    const int64_t length = lengths[static_cast<size_t>(i)];
    array.write(i, part_of(value, at, length), c.limits());
    at += length;
  }
  set_flow(c, 0);
}

void copy_in_order(const std::vector<Tensor>& elements, Tensor& to) {
  int64_t at = 0;
  for (const Tensor& element : elements) {
    kernels::copy_part(element, 0, to, at, element.elements());
    at += element.elements();
  }
}

/// Elements side by side along a new first axis.
void gather_kernel(KernelContext& c) {
  TensorArray& array = array_to_read(c);
  Shape shape =
      shape::same_shape(array.element_shape(), c.attrs().get<Shape>("element_shape"), "The array's elements and the op's");
  std::vector<Tensor> elements;
  for (const int64_t index : c.input(1).to_int64s()) {
    elements.push_back(array.read(index));
    if (elements.back().holds_object()) throw UnimplementedError("Elements of {} are not gathered", array.dtype());
    if (elements.size() > 1 && elements.back().shape() != elements[0].shape()) {
      throw InvalidArgumentError("TensorArray has inconsistent shapes. Index 0 has shape: {} but index {} has shape: {}",
                                 elements[0].shape(), elements.size() - 1, elements.back().shape());
    }
  }
  if (!elements.empty()) shape = elements[0].shape();
  if (!shape.fully_known()) {
    throw UnimplementedError("TensorArray has size zero, but element shape {} is not fully defined.", shape);
  }
  Ints dims = shape.dims();
  dims.insert(dims.begin(), static_cast<int64_t>(elements.size()));
  copy_in_order(elements, c.output(0, Shape(std::move(dims))));
}

/// All elements, one after the other along their first axis, and how long each is.
void concat_kernel(KernelContext& c) {
  TensorArray& array = array_to_read(c);
  std::vector<Tensor> elements;
  Ints lengths, dims;
  int64_t total = 0;
  for (int64_t i = 0; i < array.size(); ++i) {
    elements.push_back(array.read(i));
    const Tensor& element = elements.back();
    if (element.rank() < 1 || element.holds_object()) {
      throw InvalidArgumentError("Concat saw a scalar shape at index {} but requires at least vectors.", i);
    }
    if (i > 0 && inner_dims(element.shape()) != dims) {
      throw InvalidArgumentError(
          "TensorArray has inconsistent shapes. Index 0 has (excepting dimension 0) shape: {} but index {} "
          "has: {}",
          dims, i, inner_dims(element.shape()));
    }
    dims = inner_dims(element.shape());
    lengths.push_back(element.dim(0));
    total = shape::add_dims(total, element.dim(0));
  }
  if (elements.empty()) {
    const Shape& inner = c.attrs().get<Shape>("element_shape_except0");
    if (!inner.fully_known()) {
      throw UnimplementedError("TensorArray has size zero, but element_shape_except0 {} is not fully defined.", inner);
    }
    dims = inner.dims();
  }
  dims.insert(dims.begin(), total);
  copy_in_order(elements, c.output(0, Shape(dims)));
  std::copy(lengths.begin(), lengths.end(), c.output(1, {array.size()}).data<int64_t>());
}

void make_shape(ShapeContext& c) {
  c.set_output(0, Shape());
  c.set_output(1, Shape());
}

/// `first` more elements along a new first axis.
Shape with_first(int64_t first, const Shape& inner) {
  if (!inner.known_rank()) return Shape::unknown_rank();
  Ints dims = inner.dims();
  dims.insert(dims.begin(), first);
  return Shape(std::move(dims));
}
void gather_shape(ShapeContext& c) {
  c.set_output(0, with_first(shape::dim_or_unknown(c.input(1), 0), c.attrs().get<Shape>("element_shape")));
}
void concat_shape(ShapeContext& c) {
  c.set_output(0, with_first(kUnknownDim, c.attrs().get<Shape>("element_shape_except0")));
  c.set_output(1, {kUnknownDim});
}

/// The array of an array's gradients, once all that `flow` stands for has been done: its handle and flow.
struct GradientArray {
  GradientArray(const Value& handle, const Value& flow) {
    const Values made =
        handle.emitter->emit("TensorArrayGradV3", std::array{handle, flow}, {{"source", std::string("gradients")}});
    this->handle = made[0];
    this->flow = made[1];
  }
  Value handle, flow;
};

Values read_grad(GradContext& g) {
  if (!g.upstream(0).valid()) return {};
  const GradientArray to(g.input(0), g.input(2));
  return {Value(), Value(), emit1("TensorArrayWriteV3", {to.handle, g.input(1), g.upstream(0), to.flow})};
}
Values write_grad(GradContext& g) {
  const GradientArray from(g.input(0), g.upstream(0));
  const Value value = emit1("TensorArrayReadV3", {from.handle, g.input(1), from.flow}, {{"dtype", g.input(2).dtype()}});
  return {Value(), Value(), value, g.upstream(0)};
}
Values gather_grad(GradContext& g) {
  if (!g.upstream(0).valid()) return {};
  const GradientArray to(g.input(0), g.input(2));
  return {Value(), Value(), emit1("TensorArrayScatterV3", {to.handle, g.input(1), g.upstream(0), to.flow})};
}
Values scatter_grad(GradContext& g) {
  const GradientArray from(g.input(0), g.upstream(0));
  const Value value = emit1("TensorArrayGatherV3", {from.handle, g.input(1), from.flow}, {{"dtype", g.input(2).dtype()}});
  return {Value(), Value(), value, g.upstream(0)};
}
Values concat_grad(GradContext& g) {
  if (!g.upstream(0).valid()) return {};
  const GradientArray to(g.input(0), g.input(1));
  return {Value(), emit1("TensorArraySplitV3", {to.handle, g.upstream(0), g.output(1), to.flow})};
}
Values split_grad(GradContext& g) {
  const GradientArray from(g.input(0), g.upstream(0));
  const Values joined =
      g.emitter().emit("TensorArrayConcatV3", std::array{from.handle, from.flow}, {{"dtype", g.input(1).dtype()}});
  return {Value(), joined[0], Value(), g.upstream(0)};
}

constexpr OpDef op(const char* name, const char* signature, ShapeFn shape, KernelFn kernel, GradientFn gradient = nullptr,
                   uint32_t flags = kStateful) {
  return {.name = name, .signature = signature, .shape = shape, .kernel = kernel, .gradient = gradient, .flags = flags};
}

constexpr OpDef kOps[] = {
    op("TensorArrayV3",
       "(size: int32) -> (handle: resource, flow: float); dtype: type; element_shape: shape = ?; dynamic_size: bool = false; "
       "clear_after_read: bool = true; identical_element_shapes: bool = false; tensor_array_name: string = \"\"",
       make_shape, make_kernel, nullptr, kStateful | kNoGradient),
    op("TensorArrayGradV3", "(handle: resource, flow_in: float) -> (grad_handle: resource, flow_out: float); source: string",
       make_shape, gradients_kernel),
    op("TensorArrayWriteV3", "(handle: resource, index: int32, value: T, flow_in: float) -> (flow_out: float); T: type",
       shape::scalar, write_kernel, write_grad),
    op("TensorArrayReadV3", "(handle: resource, index: int32, flow_in: float) -> (value: dtype); dtype: type", shape::unknown,
       read_kernel, read_grad),
    op("TensorArrayGatherV3",
       "(handle: resource, indices: int32, flow_in: float) -> (value: dtype); dtype: type; element_shape: shape = ?",
       gather_shape, gather_kernel, gather_grad),
    op("TensorArrayScatterV3", "(handle: resource, indices: int32, value: T, flow_in: float) -> (flow_out: float); T: type",
       shape::scalar, scatter_kernel, scatter_grad),
    op("TensorArrayConcatV3",
       "(handle: resource, flow_in: float) -> (value: dtype, lengths: int64); dtype: type; element_shape_except0: shape = ?",
       concat_shape, concat_kernel, concat_grad),
    op("TensorArraySplitV3", "(handle: resource, value: T, lengths: int64, flow_in: float) -> (flow_out: float); T: type",
       shape::scalar, split_kernel, split_grad),
    op("TensorArraySizeV3", "(handle: resource, flow_in: float) -> (size: int32)", shape::scalar, size_kernel),
    op("TensorArrayCloseV3", "(handle: resource) -> ()", shape::unknown, close_kernel),
};

}  // namespace

std::span<const OpDef> tensor_array_ops() { return kOps; }

}  // namespace keras
