// What Keras keeps for a whole process: the counters behind automatic names, and the stream of seeds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/base/limits.h"

namespace keras {

/// One for an engine; layers and models made in it must not outlive it.
class Session {
 public:
  explicit Session(uint64_t seed, const Limits& limits = {}) : limits(limits), seed_state_(seed) {}

  /// "Dense" → "dense", "dense_1", …: the counter goes up with each call. `zero_based` false: "input_1" first.
  std::string unique_name(std::string_view class_name, bool zero_based = true);
  /// keras.backend.clear_session().
  void clear_names() { counts_.clear(); }

  /// The seed that an initializer without one draws at first use.
  int64_t next_seed();
  void set_seed(uint64_t seed) { seed_state_ = seed; }

  Limits limits;
  /// While a file is loaded, new weights have no values: the loader sees to it that all of them get some.
  bool loading = false;
  /// What weights may still take while a file is loaded: no more than the file's bytes can hold.
  int64_t loading_bytes_left = 0;

 private:
  std::unordered_map<std::string, int64_t> counts_;
  uint64_t seed_state_;
};

/// "Conv2DTranspose" → "conv2d_transpose", "PReLU" → "p_re_lu": Keras's to_snake_case.
std::string snake_case(std::string_view class_name);

}  // namespace keras
