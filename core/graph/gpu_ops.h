// Ops that TensorFlow cannot run on a CPU either.
#pragma once

#include <string_view>

namespace keras {

inline bool is_gpu_op(std::string_view op) { return op.starts_with("CudnnRNN") || op == "CTCLossV2"; }
inline constexpr const char* kWhyNoGpuOp = "it runs on GPUs only, TensorFlow's CPU has no kernel of it either";

}  // namespace keras
