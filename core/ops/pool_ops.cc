// Pools over [batch, height, width, channels] (NHWC) or [batch, channels, height, width] (NCHW).
#include "core/ops/builders.h"
#include "core/ops/families.h"
#include "core/ops/pool_kernels.h"
#include "core/ops/shape_functions.h"
#include "core/ops/volume_kernels.h"

namespace keras {
namespace {

Attrs window_attrs(GradContext& g) {
  Attrs attrs;
  for (const auto& [name, value] : g.attrs().items()) {
    if (name != "T" && name != "TInput" && name != "explicit_paddings") attrs.set(name, value);
  }
  return attrs;
}
Attrs max_pool_attrs(GradContext& g) {
  Attrs attrs = window_attrs(g);
  if (const AttrValue* paddings = g.attrs().find("explicit_paddings")) attrs.set("explicit_paddings", *paddings);
  return attrs;
}

// To the first maximum of each window.
Values max_pool_grad(GradContext& g) {
  return {emit1("MaxPoolGrad", {g.input(0), g.output(0), g.upstream(0)}, max_pool_attrs(g))};
}

// A gradient moves with its upstream alone: the maxima stay where they are.
Values max_pool_grad_grad(GradContext& g) {
  return {Value(), Value(), emit1("MaxPoolGradGrad", {g.input(0), g.input(1), g.upstream(0)}, window_attrs(g))};
}
Values max_pool_grad_grad_grad(GradContext& g) {
  return {Value(), Value(), emit1("MaxPoolGrad", {g.input(0), g.input(1), g.upstream(0)}, window_attrs(g))};
}

Values avg_pool_grad(GradContext& g) { return {emit1("AvgPoolGrad", {shape_of(g.input(0)), g.upstream(0)}, window_attrs(g))}; }

Values avg_pool_grad_grad(GradContext& g) { return {Value(), emit1("AvgPool", {g.upstream(0)}, window_attrs(g))}; }

void pool_shape(ShapeContext& c) { c.set_output(0, pool_output_shape(c.attrs(), c.input(0))); }

void max_pool_grad_shape(ShapeContext& c) {
  const Shape pooled = shape::same_shape(c.input(1), c.input(2), "orig_output and grad");
  shape::same_shape(pool_output_shape(c.attrs(), c.input(0)), pooled, "The pooled shape");
  c.set_output(0, c.input(0));
}

void max_pool_grad_grad_shape(ShapeContext& c) {
  shape::same_shape(c.input(0), c.input(2), "orig_input and grad");
  c.set_output(0, shape::same_shape(pool_output_shape(c.attrs(), c.input(0)), c.input(1), "The pooled shape"));
}

void avg_pool_grad_shape(ShapeContext& c) {
  Shape input = shape::from_input(c, 0);
  shape::require_rank(input, 4, "orig_input_shape");
  if (!input.known_rank()) input = Shape::unknown(4);
  shape::same_shape(pool_output_shape(c.attrs(), input), c.input(1), "The pooled shape");
  c.set_output(0, input);
}

Values max_pool3d_grad(GradContext& g) {
  return {emit1("MaxPool3DGrad", {g.input(0), g.output(0), g.upstream(0)}, window_attrs(g))};
}
Values max_pool3d_grad_grad(GradContext& g) {
  return {Value(), Value(), emit1("MaxPool3DGradGrad", {g.input(0), g.input(1), g.upstream(0)}, window_attrs(g))};
}
Values max_pool3d_grad_grad_grad(GradContext& g) {
  return {Value(), Value(), emit1("MaxPool3DGrad", {g.input(0), g.input(1), g.upstream(0)}, window_attrs(g))};
}
Values avg_pool3d_grad(GradContext& g) {
  return {emit1("AvgPool3DGrad", {shape_of(g.input(0)), g.upstream(0)}, window_attrs(g))};
}
Values avg_pool3d_grad_grad(GradContext& g) { return {Value(), emit1("AvgPool3D", {g.upstream(0)}, window_attrs(g))}; }

constexpr OpDef kOps[] = {
    {.name = "MaxPool",
     .signature = "(input: T) -> (output: T); T: {floating, int32, int64, uint8, int16, int8, uint16} = float; ksize: "
                  "list(int); strides: list(int); padding: string; explicit_paddings: list(int) = []; data_format: "
                  "string = \"NHWC\"",
     .shape = pool_shape,
     .kernel = max_pool_kernel,
     .gradient = max_pool_grad,
     .js = "nn.maxPool2d"},
    {.name = "MaxPoolGrad",
     .signature = "(orig_input: T, orig_output: T, grad: T) -> (output: T); ksize: list(int); strides: list(int); "
                  "padding: string; explicit_paddings: list(int) = []; data_format: string = \"NHWC\"; T: {real} = "
                  "float",
     .shape = max_pool_grad_shape,
     .kernel = max_pool_grad_kernel,
     .gradient = max_pool_grad_grad},
    {.name = "MaxPoolGradGrad",
     .signature =
         "(orig_input: T, orig_output: T, grad: T) -> (output: T); ksize: list(int); strides: list(int); padding: string; "
         "data_format: string = \"NHWC\"; T: {real}",
     .shape = max_pool_grad_grad_shape,
     .kernel = max_pool_grad_grad_kernel,
     .gradient = max_pool_grad_grad_grad},
    {.name = "AvgPool",
     .signature = "(value: T) -> (output: T); ksize: list(int); strides: list(int); padding: string; data_format: "
                  "string = \"NHWC\"; T: {floating}",
     .shape = pool_shape,
     .kernel = avg_pool_kernel,
     .gradient = avg_pool_grad,
     .js = "nn.avgPool2d"},
    {.name = "AvgPoolGrad",
     .signature = "(orig_input_shape: int32, grad: T) -> (output: T); ksize: list(int); strides: list(int); padding: "
                  "string; data_format: string = \"NHWC\"; T: {floating}",
     .shape = avg_pool_grad_shape,
     .kernel = avg_pool_grad_kernel,
     .gradient = avg_pool_grad_grad},
    {.name = "MaxPool3D",
     .signature = "(input: T) -> (output: T); ksize: list(int); strides: list(int); padding: string; data_format: string = "
                  "\"NDHWC\"; T: {half, bfloat16, float}",
     .shape = pool3d_shape,
     .kernel = max_pool3d_kernel,
     .gradient = max_pool3d_grad},
    {.name = "MaxPool3DGrad",
     .signature =
         "(orig_input: TInput, orig_output: TInput, grad: T) -> (output: T); ksize: list(int); strides: list(int); "
         "padding: string; data_format: string = \"NDHWC\"; T: {half, bfloat16, float} = float; TInput: {half, bfloat16, "
         "float} = float",
     .shape = shape::same_as<0>,
     .kernel = max_pool3d_grad_kernel,
     .gradient = max_pool3d_grad_grad},
    {.name = "MaxPool3DGradGrad",
     .signature =
         "(orig_input: T, orig_output: T, grad: T) -> (output: T); ksize: list(int); strides: list(int); padding: string; "
         "data_format: string = \"NDHWC\"; T: {real}",
     .shape = shape::same_as<1>,
     .kernel = max_pool3d_grad_grad_kernel,
     .gradient = max_pool3d_grad_grad_grad},
    {.name = "AvgPool3D",
     .signature = "(input: T) -> (output: T); ksize: list(int); strides: list(int); padding: string; data_format: string = "
                  "\"NDHWC\"; T: {floating}",
     .shape = pool3d_shape,
     .kernel = avg_pool3d_kernel,
     .gradient = avg_pool3d_grad},
    {.name = "AvgPool3DGrad",
     .signature = "(orig_input_shape: int32, grad: T) -> (output: T); ksize: list(int); strides: list(int); padding: string; "
                  "data_format: string = \"NDHWC\"; T: {floating}",
     .shape = named_volume_shape<0>,
     .kernel = avg_pool3d_grad_kernel,
     .gradient = avg_pool3d_grad_grad},
};

}  // namespace

std::span<const OpDef> pool_ops() { return kOps; }

}  // namespace keras
