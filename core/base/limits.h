// What a file or a call may ask for. Every size, count and depth that comes from a file is held against one of these.
#pragma once

#include <cstdint>

namespace keras {

/// Defaults are far above what real models need and far below what hurts a browser tab. Shown in errors by these names
/// (camelCase in JavaScript), settable by the user.
struct Limits {
  int64_t tensor_bytes = int64_t{2} << 30;      // one tensor
  int64_t total_bytes = int64_t{3500} << 20;    // all tensors that one load asks for
  int64_t metadata_bytes = int64_t{512} << 20;  // saved_model.pb, index tables, HDF5 headers read by one load
  int64_t json_bytes = int64_t{256} << 20;
  int64_t json_depth = 200;
  int64_t zip_members = 100'000;
  int64_t inflated_bytes = int64_t{3500} << 20;  // what a deflated zip member or dataset may become
  int64_t inflate_ratio = 2000;                  // deflate's own maximum is 1032
  int64_t file_objects = 1'000'000;              // groups, datasets, attributes, bundle entries, graph nodes
  int64_t nesting_depth = 200;                   // models in models, groups in groups, functions in functions
  int64_t loop_iterations = 100'000'000;         // of one While: a loop blocks its thread, no signal could reach it
  int64_t deadline_ms = 0;                       // of one run of a function; 0: as long as it takes
};

}  // namespace keras
