// The families of ops that hardly any model uses: core/ops/<family>_ops.cc. As seldom_families.h, and apart from it.
#pragma once

#include <span>

#include "core/ops/registry.h"

namespace keras {

std::span<const OpDef> gamma_ops();
std::span<const OpDef> patch_ops();
std::span<const OpDef> quantization_ops();
std::span<const OpDef> scatter_ops();

}  // namespace keras
