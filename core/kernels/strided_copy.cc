// Strided copies: axes are merged where both sides allow it, so that most copies end as few long runs.
#include "core/kernels/strided_copy.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstring>
#include <string>

#include "core/base/error.h"

namespace keras::kernels {
namespace {

struct Axis {
  int64_t size, to, from;  // extent and steps
};

/// Outermost first, without axes of size 1, neighbours merged where one step of the outer is a full run of the inner.
std::vector<Axis> merged_axes(std::span<const int64_t> dims, const std::vector<int64_t>& to, const std::vector<int64_t>& from) {
  std::vector<Axis> axes;
  for (size_t i = 0; i < dims.size(); ++i) {
    if (dims[i] == 1) continue;
    const Axis axis{dims[i], to[i], from[i]};
    if (!axes.empty() && axes.back().to == axis.size * axis.to && axes.back().from == axis.size * axis.from) {
      axes.back() = {axes.back().size * axis.size, axis.to, axis.from};
    } else {
      axes.push_back(axis);
    }
  }
  return axes;
}

template <class T>
void copy_run(const Axis& axis, T* to, const T* from) {
  if (axis.to == 1 && axis.from == 1) {
    std::copy_n(from, axis.size, to);
  } else if (axis.to == 1 && axis.from == 0) {
    std::fill_n(to, axis.size, *from);
  } else {
    for (int64_t i = 0; i < axis.size; ++i) to[i * axis.to] = from[i * axis.from];
  }
}

// In tiles: one of the two sides walks with large steps, and a tile's cache lines are used whole.
template <class T>
void copy_plane(const Axis& outer, const Axis& inner, T* to, const T* from) {
  constexpr int64_t kTile = 16;
  for (int64_t i0 = 0; i0 < outer.size; i0 += kTile) {
    const int64_t i1 = std::min(i0 + kTile, outer.size);
    for (int64_t j0 = 0; j0 < inner.size; j0 += kTile) {
      const int64_t j1 = std::min(j0 + kTile, inner.size);
      for (int64_t i = i0; i < i1; ++i) {
        for (int64_t j = j0; j < j1; ++j) to[i * outer.to + j * inner.to] = from[i * outer.from + j * inner.from];
      }
    }
  }
}

template <class T>
void copy_axes(std::span<const Axis> axes, T* to, const T* from) {
  if (axes.empty()) {
    *to = *from;
  } else if (axes.size() == 1) {
    copy_run(axes[0], to, from);
  } else if (axes.size() == 2 && axes[1].to == 1 && axes[1].from != 1 && axes[0].from == 1) {
    copy_plane(axes[0], axes[1], to, from);
  } else {
    for (int64_t i = 0; i < axes[0].size; ++i) {
      copy_axes(axes.subspan(1), to + i * axes[0].to, from + i * axes[0].from);
    }
  }
}

struct Bytes16 {
  std::array<uint64_t, 2> words;
};

/// Calls f with a value of a type that copies as the dtype's elements do.
template <class F>
void with_element_type(DType dtype, F f) {
  if (dtype == DType::kString) return f(std::string());
  switch (dtype_bytes(dtype)) {
    case 1: return f(uint8_t());
    case 2: return f(uint16_t());
    case 4: return f(uint32_t());
    case 8: return f(uint64_t());
    case 16: return f(Bytes16{});
    default: throw UnimplementedError("Elements of dtype {} cannot be moved", dtype);
  }
}

}  // namespace

std::vector<int64_t> dense_strides(std::span<const int64_t> dims) {
  std::vector<int64_t> strides(dims.size(), 1);
  for (size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return strides;
}

ConstView view_of(const Tensor& tensor, int64_t offset) {
  const auto bytes = static_cast<int64_t>(tensor.dtype() == DType::kString ? sizeof(std::string) : dtype_bytes(tensor.dtype()));
  return {tensor.raw() + offset * bytes, dense_strides(tensor.shape().dims())};
}

View view_of(Tensor& tensor, int64_t offset) {
  const auto bytes = static_cast<int64_t>(tensor.dtype() == DType::kString ? sizeof(std::string) : dtype_bytes(tensor.dtype()));
  return {tensor.raw() + offset * bytes, dense_strides(tensor.shape().dims())};
}

void copy_strided(DType dtype, std::span<const int64_t> dims, View to, ConstView from) {
  assert(dims.size() == to.strides.size() && dims.size() == from.strides.size());
  if (std::find(dims.begin(), dims.end(), 0) != dims.end()) return;
  const std::vector<Axis> axes = merged_axes(dims, to.strides, from.strides);
  with_element_type(dtype,
                    [&]<class T>(const T&) { copy_axes<T>(axes, static_cast<T*>(to.data), static_cast<const T*>(from.data)); });
}

void fill(Tensor& to, const void* value) {
  with_element_type(to.dtype(), [&]<class T>(const T&) {
    std::fill_n(reinterpret_cast<T*>(to.raw()), to.elements(), *static_cast<const T*>(value));
  });
}

void set_zero(Tensor& to) {
  with_element_type(to.dtype(),
                    [&]<class T>(const T& zero) { std::fill_n(reinterpret_cast<T*>(to.raw()), to.elements(), zero); });
}

void copy_elements(Tensor& to, const Tensor& from) {
  assert(to.elements() == from.elements());
  if (to.raw() == from.raw()) return;
  with_element_type(to.dtype(), [&]<class T>(const T&) {
    std::copy_n(reinterpret_cast<const T*>(from.raw()), from.elements(), reinterpret_cast<T*>(to.raw()));
  });
}

void copy_part(const Tensor& from, int64_t from_at, Tensor& to, int64_t to_at, int64_t count) {
  assert(to.dtype() == from.dtype());
  if (count == 0) return;  // perhaps of no memory at all
  with_element_type(to.dtype(), [&]<class T>(const T&) {
    std::copy_n(reinterpret_cast<const T*>(from.raw()) + from_at, count, reinterpret_cast<T*>(to.raw()) + to_at);
  });
}

}  // namespace keras::kernels
