// TensorLists: EmptyTensorList, TensorListReserve and what is done with them. Gradients are TensorFlow's (list_ops.py).
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>

#include "core/kernels/functors.h"
#include "core/kernels/strided_copy.h"
#include "core/ops/builders.h"
#include "core/ops/elementwise.h"
#include "core/ops/families.h"
#include "core/ops/shape_functions.h"
#include "core/ops/tensor_list.h"
#include "core/ops/variant_array.h"
#include "core/ops/write_ints.h"

namespace keras {
namespace {

using ListPtr = std::shared_ptr<TensorList>;

const TensorList& list_of(const Tensor& handle) {
  // Plain memory: what an op of any dtype allocated for a variant.
  if (handle.raw() != nullptr || handle.owner() == nullptr) throw InvalidArgumentError("The variant holds no list");
  return *handle.object<TensorList>();
}

const TensorList& input_list(KernelContext& c) {
  const TensorList& list = list_of(c.input(0));
  const AttrValue* dtype = c.attrs().find("element_dtype");
  if (dtype != nullptr && std::get<DType>(*dtype) != list.element_dtype) {
    throw InvalidArgumentError("The list holds tensors of dtype {}, but {} is asked for", list.element_dtype,
                               std::get<DType>(*dtype));
  }
  return list;
}

void set_list(KernelContext& c, int output, ListPtr list) { c.set_output(output, Tensor::variant(std::move(list))); }

/// An element shape as an input gives it: a vector, or the scalar -1 for anything.
Shape shape_from(const Tensor& value) {
  const std::vector<int64_t> dims = value.to_int64s();
  if (value.rank() == 0) {
    if (dims[0] >= 0) throw InvalidArgumentError("An element shape is a vector, or -1; found the scalar {}", dims[0]);
    return Shape::unknown_rank();
  }
  std::vector<int64_t> known;
  for (const int64_t dim : dims) known.push_back(dim < 0 ? kUnknownDim : dim);
  return Shape(std::move(known));
}

Shape merged(const Shape& a, const Shape& b) {
  if (!a.compatible_with(b)) throw InvalidArgumentError("Element shapes {} and {} of a list do not fit each other", a, b);
  return a.merged_with(b);
}

/// A tensor that outlives the run's memory.
Tensor kept(const Tensor& tensor) { return tensor.owner() == nullptr && !tensor.holds_object() ? tensor.clone() : tensor; }

void check_element(const TensorList& list, const Tensor& element) {
  if (!list.element_shape.compatible_with(element.shape())) {
    throw InvalidArgumentError("An element of shape {} does not fit a list of elements of shape {}", element.shape(),
                               list.element_shape);
  }
}

size_t index_in(const TensorList& list, int64_t index) {
  if (index < 0 || index >= static_cast<int64_t>(list.elements.size())) {
    throw InvalidArgumentError("Trying to access element {} in a list with {} elements.", index, list.elements.size());
  }
  return static_cast<size_t>(index);
}

int64_t count_from(KernelContext& c, int input) {
  const int64_t count = c.input(input).to_int64s().at(0);
  if (count < 0) throw InvalidArgumentError("A list cannot have {} elements", count);
  if (count > c.limits().file_objects * 16) {
    throw ResourceExhaustedError("A list of {} elements is longer than 16 · limits.fileObjects ({})", count,
                                 c.limits().file_objects);
  }
  return count;
}

ListPtr new_list(KernelContext& c, const Shape& element_shape, int64_t count) {
  auto list = std::make_shared<TensorList>();
  list->element_dtype = c.attrs().get_dtype("element_dtype");
  list->element_shape = element_shape;
  list->elements.resize(static_cast<size_t>(count));
  return list;
}

void empty_kernel(KernelContext& c) { set_list(c, 0, new_list(c, shape_from(c.input(0)), 0)); }
void reserve_kernel(KernelContext& c) { set_list(c, 0, new_list(c, shape_from(c.input(0)), count_from(c, 1))); }

/// The list that an op changes: input 0 itself where nobody else holds it, else a copy. A loop that fills a list so takes time
/// in proportion to its length, not to the square of it.
ListPtr taken_list(KernelContext& c) {
  input_list(c);  // what it checks
  const Tensor handle = c.take_input(0);
  return handle.owner().use_count() == 1 ? handle.object<TensorList>() : std::make_shared<TensorList>(list_of(handle));
}

void push_back_kernel(KernelContext& c) {
  ListPtr list = taken_list(c);
  check_element(*list, c.input(1));
  list->elements.push_back(kept(c.input(1)));
  set_list(c, 0, std::move(list));
}

/// What stands for an element that was never set: zeros, where the shape is known.
Shape unset_shape(const TensorList& list, Shape shape) {
  shape = merged(shape, list.element_shape);
  for (const Tensor& element : list.elements) {
    if (!shape.known_rank() || shape.fully_known()) break;
    if (element.valid()) shape = merged(shape, element.shape());
  }
  for (const Tensor& element : list.elements) {
    if (shape.known_rank()) break;
    if (element.valid()) shape = element.shape();
  }
  return shape;
}

Tensor element_or_zeros(const TensorList& list, size_t index, const Shape& asked) {
  const Tensor& element = list.elements[index];
  if (element.valid()) {
    merged(element.shape(), asked);
    return element;
  }
  if (list.element_dtype == DType::kVariant) {
    auto empty = std::make_shared<TensorList>();
    empty->element_dtype = DType::kFloat32;
    empty->element_shape = Shape::unknown_rank();
    return Tensor::variant(std::move(empty));
  }
  const Shape shape = unset_shape(list, asked);
  if (!shape.fully_known()) {
    throw InvalidArgumentError("Element {} of the list was never set, and its shape {} is not known", index, shape);
  }
  return Tensor::zeros(list.element_dtype, shape);
}

void pop_back_kernel(KernelContext& c) {
  const TensorList& list = input_list(c);
  if (list.elements.empty()) throw InvalidArgumentError("Trying to pop from an empty list.");
  c.set_output(1, element_or_zeros(list, list.elements.size() - 1, shape_from(c.input(1))));
  ListPtr shorter = taken_list(c);
  shorter->elements.pop_back();
  set_list(c, 0, std::move(shorter));
}

void length_kernel(KernelContext& c) {
  c.output(0, Shape()).data<int32_t>()[0] = static_cast<int32_t>(input_list(c).elements.size());
}

void element_shape_kernel(KernelContext& c) {
  const Shape& shape = input_list(c).element_shape;
  std::vector<int64_t> dims = shape.known_rank() ? shape.dims() : std::vector<int64_t>{-1};
  Tensor& output = c.output(0, shape.known_rank() ? Shape{static_cast<int64_t>(dims.size())} : Shape());
  write_ints(output, dims);
}

Shape stacked(int64_t count, const Shape& element) {
  std::vector<int64_t> dims = {count};
  dims.insert(dims.end(), element.dims().begin(), element.dims().end());
  return Shape(std::move(dims));
}

void copy_element(const Tensor& from, Tensor& to, int64_t index) {
  const int64_t count = from.elements();
  if (from.dtype() == DType::kString) {
    for (int64_t i = 0; i < count; ++i) to.data<std::string>()[index * count + i] = from.data<std::string>()[i];
  } else if (from.size_bytes() > 0) {
    std::memcpy(to.raw() + index * from.size_bytes(), from.raw(), static_cast<size_t>(from.size_bytes()));
  }
}

void stack_variants(KernelContext& c, const TensorList& list, const std::vector<int64_t>& indices) {
  std::vector<Tensor> elements;
  for (const int64_t index : indices) {
    elements.push_back(element_or_zeros(list, index_in(list, index), Shape()));
    if (elements.back().rank() != 0) throw UnimplementedError("Lists of arrays of variants cannot be stacked");
  }
  const auto count = static_cast<int64_t>(elements.size());
  c.set_output(0, variant_array({count}, std::move(elements)));
}

/// Elements `indices` side by side along a new first axis.
void stack_elements(KernelContext& c, const TensorList& list, const std::vector<int64_t>& indices, const Shape& asked) {
  if (list.element_dtype == DType::kVariant) return stack_variants(c, list, indices);
  const Shape shape = unset_shape(list, asked);
  if (!shape.fully_known()) throw InvalidArgumentError("The list's elements have no known shape ({}): nothing to stack", shape);
  Tensor& output = c.output(0, stacked(static_cast<int64_t>(indices.size()), shape));
  for (size_t i = 0; i < indices.size(); ++i) {
    const Tensor element = element_or_zeros(list, index_in(list, indices[i]), shape);
    copy_element(element, output, static_cast<int64_t>(i));
  }
}

void stack_kernel(KernelContext& c) {
  const TensorList& list = input_list(c);
  const int64_t wanted = c.attrs().get_int("num_elements");
  if (wanted >= 0 && wanted != static_cast<int64_t>(list.elements.size())) {
    throw InvalidArgumentError("Operation expected a list with {} elements but got a list with {} elements.", wanted,
                               list.elements.size());
  }
  std::vector<int64_t> indices(list.elements.size());
  for (size_t i = 0; i < indices.size(); ++i) indices[i] = static_cast<int64_t>(i);
  stack_elements(c, list, indices, shape_from(c.input(1)));
}

void gather_kernel(KernelContext& c) { stack_elements(c, input_list(c), c.input(1).to_int64s(), shape_from(c.input(2))); }

/// Row `index` of a tensor along its first axis, sharing memory.
Tensor row_of(const Tensor& tensor, int64_t index) {
  if (tensor.dtype() == DType::kVariant) return variant_elements(tensor)[static_cast<size_t>(index)];
  const auto& dims = tensor.shape().dims();
  const Shape shape(std::vector<int64_t>(dims.begin() + 1, dims.end()));
  const int64_t width =
      tensor.dtype() == DType::kString ? static_cast<int64_t>(sizeof(std::string)) : dtype_bytes(tensor.dtype());
  std::byte* data = const_cast<std::byte*>(tensor.raw()) + index * shape.elements() * width;
  // Elements are aligned as kernels expect: rows that are not are copied.
  const Tensor row = Tensor::borrow(tensor.dtype(), shape, data, tensor.owner());
  const bool aligned = reinterpret_cast<uintptr_t>(data) % 64 == 0;
  return aligned || tensor.dtype() == DType::kString ? row : row.clone();
}

void check_rows(const Tensor& tensor) {
  if (tensor.rank() < 1) throw InvalidArgumentError("A list is made of a tensor of at least one dimension, found a scalar");
  if (tensor.dtype() == DType::kVariant && tensor.rank() > 1) throw UnimplementedError("A list of arrays of variants");
}

void from_tensor_kernel(KernelContext& c) {
  const Tensor tensor = kept(c.input(0));
  check_rows(tensor);
  const ListPtr list = new_list(c, shape_from(c.input(1)), tensor.dim(0));
  for (int64_t i = 0; i < tensor.dim(0); ++i) {
    list->elements[static_cast<size_t>(i)] = row_of(tensor, i);
    check_element(*list, list->elements[static_cast<size_t>(i)]);
  }
  set_list(c, 0, list);
}

void scatter_into(const ListPtr& list, const Tensor& tensor, const std::vector<int64_t>& indices) {
  check_rows(tensor);
  if (static_cast<int64_t>(indices.size()) != tensor.dim(0)) {
    throw InvalidArgumentError("{} indices for {} tensors", indices.size(), tensor.dim(0));
  }
  for (size_t i = 0; i < indices.size(); ++i) {
    Tensor row = row_of(tensor, static_cast<int64_t>(i));
    check_element(*list, row);
    list->elements[index_in(*list, indices[i])] = std::move(row);
  }
}

void scatter_kernel(KernelContext& c) {
  const std::vector<int64_t> indices = c.input(1).to_int64s();
  const int64_t asked = c.input(3).to_int64s().at(0);
  int64_t count = 0;
  for (const int64_t index : indices) {
    if (index < 0) throw InvalidArgumentError("Indices in TensorListScatter must all be non-negative.");
    count = std::max(count, shape::add_dims(index, 1));
  }
  const ListPtr list =
      new_list(c, shape_from(c.input(2)), asked >= 0 ? count_from(c, 3) : std::min(count, c.limits().file_objects));
  scatter_into(list, kept(c.input(0)), indices);
  set_list(c, 0, list);
}

void scatter_existing_kernel(KernelContext& c) {
  ListPtr list = taken_list(c);
  scatter_into(list, kept(c.input(1)), c.input(2).to_int64s());
  set_list(c, 0, std::move(list));
}

void get_item_kernel(KernelContext& c) {
  const TensorList& list = input_list(c);
  const size_t index = index_in(list, c.input(1).to_int64s().at(0));
  c.set_output(0, element_or_zeros(list, index, shape_from(c.input(2))));
}

void set_item_kernel(KernelContext& c) {
  ListPtr list = taken_list(c);
  const int64_t index = c.input(1).to_int64s().at(0);
  if (c.attrs().get_bool("resize_if_index_out_of_bounds") && index >= static_cast<int64_t>(list->elements.size()) &&
      index < c.limits().file_objects) {
    list->elements.resize(static_cast<size_t>(index) + 1);
  }
  check_element(*list, c.input(2));
  list->elements[index_in(*list, index)] = kept(c.input(2));
  set_list(c, 0, std::move(list));
}

void resize_kernel(KernelContext& c) {
  ListPtr list = taken_list(c);
  list->elements.resize(static_cast<size_t>(count_from(c, 1)));
  set_list(c, 0, std::move(list));
}

/// The list's elements one after the other along their first axis, and how long each is. An element that was never set is zeros,
/// as long as leading_dims tells.
void concat_kernel(KernelContext& c) {
  const TensorList& list = input_list(c);
  if (list.element_dtype == DType::kVariant) throw UnimplementedError("Lists of variants cannot be concatenated");
  const std::vector<int64_t> leading = c.input(2).to_int64s();
  Shape shape = merged(shape_from(c.input(1)), list.element_shape);
  for (const Tensor& element : list.elements) {
    if (!element.valid()) continue;
    if (element.rank() < 1)
      throw InvalidArgumentError("Concat saw a scalar shape at a list's element but requires at least vectors.");
    Shape open = element.shape();
    open.set_dim(0, kUnknownDim);
    shape = merged(shape, open);
  }
  std::vector<int64_t> dims = shape.known_rank() ? shape.dims() : std::vector<int64_t>();
  int64_t usual = dims.empty() ? kUnknownDim : dims[0];
  if (!dims.empty()) dims[0] = 0;
  if (dims.empty() || !Shape(dims).fully_known())
    throw InvalidArgumentError("All except the first dimension must be fully defined when concatenating a list, found {}", shape);
  const auto count = static_cast<int64_t>(list.elements.size());
  int64_t* lengths = c.output(1, {count}).data<int64_t>();
  const bool all_the_same = usual >= 0;
  for (const Tensor& element : list.elements) {
    if (usual < 0 && element.valid()) usual = element.dim(0);
  }
  for (size_t i = 0; i < list.elements.size(); ++i) {
    const bool set = list.elements[i].valid();
    lengths[i] = set ? list.elements[i].dim(0) : i < leading.size() ? leading[i] : usual;
    if (lengths[i] < 0) throw InvalidArgumentError("Element {} of the list was never set, and its length is not known", i);
    if (set && all_the_same && lengths[i] != usual) {
      throw InvalidArgumentError(
          "First entry of element_shape input does not match the first dim of list element at index: {} Expected: {} Actual: {}",
          i, usual, lengths[i]);
    }
    dims[0] = shape::add_dims(dims[0], lengths[i]);
  }
  Tensor& output = c.output(0, Shape(dims));
  kernels::set_zero(output);
  const int64_t row = dims[0] > 0 ? output.elements() / dims[0] : 0;
  for (size_t i = 0, at = 0; i < list.elements.size(); at += static_cast<size_t>(lengths[i++])) {
    const Tensor& element = list.elements[i];
    if (element.valid()) kernels::copy_part(element, 0, output, static_cast<int64_t>(at) * row, element.elements());
  }
}

void split_kernel(KernelContext& c) {
  const Tensor& tensor = c.input(0);
  const std::vector<int64_t> lengths = c.input(2).to_int64s();
  if (tensor.rank() < 1) throw InvalidArgumentError("Tensor must be at least a vector, but saw shape: {}", tensor.shape());
  const ListPtr list = new_list(c, shape_from(c.input(1)), static_cast<int64_t>(lengths.size()));
  std::vector<int64_t> dims = tensor.shape().dims();
  const int64_t row = dims[0] > 0 ? tensor.elements() / dims[0] : 0;
  int64_t at = 0;
  for (size_t i = 0; i < lengths.size(); ++i) {
    if (lengths[i] < 0 || lengths[i] > tensor.dim(0) - at)
      throw InvalidArgumentError("Lengths {} do not split {} rows", lengths, tensor.dim(0));
    dims[0] = lengths[i];
    Tensor part = Tensor::allocate(tensor.dtype(), Shape(dims));
    kernels::copy_part(tensor, at * row, part, 0, part.elements());
    check_element(*list, part);
    list->elements[i] = std::move(part);
    at += lengths[i];
  }
  if (at != tensor.dim(0)) throw InvalidArgumentError("Lengths {} do not split {} rows", lengths, tensor.dim(0));
  set_list(c, 0, list);
}

// Shapes

Shape known_element_shape(ShapeContext& c, int input) {
  const Tensor* value = c.input_value(input);
  return value != nullptr ? shape_from(*value) : Shape::unknown_rank();
}

void stack_shape(ShapeContext& c, int64_t count, int shape_input) {
  const Shape element = known_element_shape(c, shape_input);
  if (element.known_rank()) c.set_output(0, stacked(count, element));
}
void list_stack_shape(ShapeContext& c) { stack_shape(c, std::max<int64_t>(c.attrs().get_int("num_elements"), kUnknownDim), 1); }
void list_gather_shape(ShapeContext& c) { stack_shape(c, shape::dim_or_unknown(c.input(1), 0), 2); }
void concat_shape(ShapeContext& c) {
  c.set_output(1, {kUnknownDim});
  Shape shape = known_element_shape(c, 1);
  if (!shape.known_rank() || shape.rank() == 0) return;
  shape.set_dim(0, kUnknownDim);
  c.set_output(0, shape);
}
void get_item_shape(ShapeContext& c) { c.set_output(0, known_element_shape(c, 2)); }
void pop_back_shape(ShapeContext& c) {
  c.set_output(0, Shape());
  c.set_output(1, known_element_shape(c, 1));
}

// Gradients

Attrs dtype_of(const GradContext& g) { return {{"element_dtype", g.attrs().get_dtype("element_dtype")}}; }
Value length_of(const Value& list) { return emit1("TensorListLength", {list}); }
Value element_shape_of(const Value& list) { return emit1("TensorListElementShape", {list}, {{"shape_type", DType::kInt32}}); }
/// The shape of a tensor's rows.
Value row_shape(const Value& tensor) {
  Emitter& emitter = *tensor.emitter;
  return emit1("StridedSlice", {shape_of(tensor), ints(emitter, {1}), ints(emitter, {0}), ints(emitter, {1})},
               {{"end_mask", int64_t{1}}});
}

Values push_back_grad(GradContext& g) {
  const Values popped = emit_all("TensorListPopBack", {g.upstream(0), shape_of(g.input(1))}, dtype_of(g));
  return {popped[0], popped[1]};
}

Values pop_back_grad(GradContext& g) {
  Value list = g.upstream(0), element = g.upstream(1);
  if (!list.valid()) {
    list = emit1("TensorListReserve", {element_shape_of(g.output(0)), length_of(g.output(0))}, dtype_of(g));
  }
  if (!element.valid()) element = zeros_like(g.output(1));
  return {emit1("TensorListPushBack", {list, element}, dtype_of(g)), Value()};
}

Values stack_grad(GradContext& g) {
  return {emit1("TensorListFromTensor", {g.upstream(0), row_shape(g.upstream(0))}, dtype_of(g)), Value()};
}

Values from_tensor_grad(GradContext& g) {
  const Value& tensor = g.input(0);
  return {emit1("TensorListStack", {g.upstream(0), row_shape(tensor)}, dtype_of(g)), Value()};
}

Values get_item_grad(GradContext& g) {
  const Value empty = emit1("TensorListReserve", {element_shape_of(g.input(0)), length_of(g.input(0))}, dtype_of(g));
  return {emit1("TensorListSetItem", {empty, g.input(1), g.upstream(0)}, dtype_of(g)), Value(), Value()};
}

Values set_item_grad(GradContext& g) {
  const Value of_list = emit1("TensorListSetItem", {g.upstream(0), g.input(1), zeros_like(g.input(2))}, dtype_of(g));
  return {of_list, Value(), emit1("TensorListGetItem", {g.upstream(0), g.input(1), shape_of(g.input(2))}, dtype_of(g))};
}

Values resize_grad(GradContext& g) { return {emit1("TensorListResize", {g.upstream(0), length_of(g.input(0))}), Value()}; }

Values gather_grad(GradContext& g) {
  const Value scattered =
      emit1("TensorListScatterV2", {g.upstream(0), g.input(1), element_shape_of(g.input(0)), length_of(g.input(0))}, dtype_of(g));
  return {scattered, Value(), Value()};
}

Values concat_grad(GradContext& g) {
  if (!g.upstream(0).valid()) return Values(3);
  const Value& list = g.input(0);
  return {emit1("TensorListSplit", {g.upstream(0), element_shape_of(list), g.output(1)}, dtype_of(g)), Value(), Value()};
}

Values split_grad(GradContext& g) {
  const Value shape = concat(std::vector<Value>{ints(g.emitter(), {-1}), row_shape(g.input(0))}, 0);
  return {emit1("TensorListConcatV2", {g.upstream(0), shape, g.input(2)}, dtype_of(g)), Value(), Value()};
}

// The list's own elements are gone where others went: their gradient is zero.
Values scatter_existing_grad(GradContext& g) {
  const Value& tensor = g.input(1);
  const Value of_list = emit1("TensorListScatterIntoExistingList", {g.upstream(0), zeros_like(tensor), g.input(2)}, dtype_of(g));
  return {of_list, emit1("TensorListGather", {g.upstream(0), g.input(2), row_shape(tensor)}, dtype_of(g)), Value()};
}

Values scatter_grad(GradContext& g) {
  return {emit1("TensorListGather", {g.upstream(0), g.input(1), row_shape(g.input(0))}, dtype_of(g)), Value(), Value(), Value()};
}

constexpr OpDef kOps[] = {
    {.name = "EmptyTensorList",
     .signature = "(element_shape: shape_type, max_num_elements: int32) -> (handle: variant); element_dtype: type; "
                  "shape_type: {int32, int64}",
     .shape = shape::scalar,
     .kernel = empty_kernel,
     .flags = kNoGradient},
    {.name = "TensorListReserve",
     .signature = "(element_shape: shape_type, num_elements: int32) -> (handle: variant); element_dtype: type; "
                  "shape_type: {int32, int64}",
     .shape = shape::scalar,
     .kernel = reserve_kernel,
     .flags = kNoGradient},
    {.name = "TensorListPushBack",
     .signature = "(input_handle: variant, tensor: element_dtype) -> (output_handle: variant); element_dtype: type",
     .shape = shape::scalar,
     .kernel = push_back_kernel,
     .gradient = push_back_grad},
    {.name = "TensorListPopBack",
     .signature = "(input_handle: variant, element_shape: int32) -> (output_handle: variant, tensor: element_dtype); "
                  "element_dtype: type",
     .shape = pop_back_shape,
     .kernel = pop_back_kernel,
     .gradient = pop_back_grad},
    {.name = "TensorListLength",
     .signature = "(input_handle: variant) -> (length: int32)",
     .shape = shape::scalar,
     .kernel = length_kernel,
     .flags = kNoGradient},
    {.name = "TensorListElementShape",
     .signature = "(input_handle: variant) -> (element_shape: shape_type); shape_type: {int32, int64}",
     .shape = shape::unknown,
     .kernel = element_shape_kernel,
     .flags = kNoGradient},
    {.name = "TensorListStack",
     .signature = "(input_handle: variant, element_shape: int32) -> (tensor: element_dtype); element_dtype: type; "
                  "num_elements: int = -1",
     .shape = list_stack_shape,
     .kernel = stack_kernel,
     .gradient = stack_grad},
    {.name = "TensorListGather",
     .signature = "(input_handle: variant, indices: int32, element_shape: int32) -> (values: element_dtype); element_dtype: type",
     .shape = list_gather_shape,
     .kernel = gather_kernel,
     .gradient = gather_grad},
    {.name = "TensorListConcatV2",
     .signature = "(input_handle: variant, element_shape: shape_type, leading_dims: int64) -> (tensor: element_dtype, lengths: "
                  "int64); element_dtype: type; shape_type: {int32, int64}",
     .shape = concat_shape,
     .kernel = concat_kernel,
     .gradient = concat_grad},
    {.name = "TensorListSplit",
     .signature =
         "(tensor: element_dtype, element_shape: shape_type, lengths: int64) -> (output_handle: variant); element_dtype: "
         "type; shape_type: {int32, int64}",
     .shape = shape::scalar,
     .kernel = split_kernel,
     .gradient = split_grad},
    {.name = "TensorListFromTensor",
     .signature = "(tensor: element_dtype, element_shape: shape_type) -> (output_handle: variant); element_dtype: type; "
                  "shape_type: {int32, int64}",
     .shape = shape::scalar,
     .kernel = from_tensor_kernel,
     .gradient = from_tensor_grad},
    {.name = "TensorListScatterV2",
     .signature = "(tensor: element_dtype, indices: int32, element_shape: shape_type, num_elements: int32) -> (output_handle: "
                  "variant); element_dtype: type; shape_type: {int32, int64}",
     .shape = shape::scalar,
     .kernel = scatter_kernel,
     .gradient = scatter_grad},
    {.name = "TensorListScatterIntoExistingList",
     .signature = "(input_handle: variant, tensor: element_dtype, indices: int32) -> (output_handle: variant); element_dtype: "
                  "type",
     .shape = shape::scalar,
     .kernel = scatter_existing_kernel,
     .gradient = scatter_existing_grad},
    {.name = "TensorListGetItem",
     .signature = "(input_handle: variant, index: int32, element_shape: int32) -> (item: element_dtype); element_dtype: type",
     .shape = get_item_shape,
     .kernel = get_item_kernel,
     .gradient = get_item_grad},
    {.name = "TensorListSetItem",
     .signature = "(input_handle: variant, index: int32, item: element_dtype) -> (output_handle: variant); element_dtype: type; "
                  "resize_if_index_out_of_bounds: bool = false",
     .shape = shape::scalar,
     .kernel = set_item_kernel,
     .gradient = set_item_grad},
    {.name = "TensorListResize",
     .signature = "(input_handle: variant, size: int32) -> (output_handle: variant)",
     .shape = shape::scalar,
     .kernel = resize_kernel,
     .gradient = resize_grad},
};

}  // namespace

/// The sum of two elements of one shape.
static Tensor add_elements(const Tensor& a, const Tensor& b) {
  if (a.dtype() == DType::kVariant) {
    const std::array both = {a, b};
    return add_lists(both);
  }
  if (a.shape() != b.shape()) throw InvalidArgumentError("Elements of shapes {} and {} cannot be added", a.shape(), b.shape());
  Tensor sum = Tensor::allocate(a.dtype(), a.shape());
  with_compute_type(a.dtype(), "A sum of lists", [&]<class T>(T) {
    for (int64_t i = 0; i < a.elements(); ++i) sum.data<T>()[i] = kernels::Add::apply(a.data<T>()[i], b.data<T>()[i]);
  });
  return sum;
}

Tensor add_lists(std::span<const Tensor> lists) {
  if (holds_ragged(lists[0])) return add_ragged(lists);
  auto sum = std::make_shared<TensorList>(list_of(lists[0]));
  for (const Tensor& other : lists.subspan(1)) {
    const TensorList& list = list_of(other);
    if (list.elements.size() != sum->elements.size()) {
      throw InvalidArgumentError("Lists of {} and {} elements cannot be added", sum->elements.size(), list.elements.size());
    }
    for (size_t i = 0; i < list.elements.size(); ++i) {
      Tensor& to = sum->elements[i];
      const Tensor& from = list.elements[i];
      if (!from.valid()) continue;
      to = to.valid() ? add_elements(to, from) : from;
    }
  }
  return Tensor::variant(std::move(sum));
}

Tensor zeros_like_list(const Tensor& list) {
  if (holds_ragged(list)) return zeros_like_ragged(list);
  auto zeros = std::make_shared<TensorList>(list_of(list));
  for (Tensor& element : zeros->elements) {
    if (!element.valid()) continue;
    element = element.dtype() == DType::kVariant ? zeros_like_list(element) : Tensor::zeros(element.dtype(), element.shape());
  }
  return Tensor::variant(std::move(zeros));
}

std::span<const OpDef> list_ops() { return kOps; }

}  // namespace keras
