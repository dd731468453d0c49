// Loaders, writers and inspections under way, by the numbers that JavaScript knows them by.
#pragma once

#include <map>
#include <memory>

#include "core/base/error.h"
#include "core/saving/file_set.h"
#include "wasm/convert.h"

namespace keras {

template <class T>
class Jobs {
 public:
  int add(std::unique_ptr<T> job) {
    jobs_[++last_] = std::move(job);
    return last_;
  }
  T& get(int number) {
    const auto found = jobs_.find(number);
    if (found == jobs_.end()) throw RuntimeError("This load, save or inspection has ended.");
    return *found->second;
  }
  void release(int number) { jobs_.erase(number); }

 private:
  int last_ = 0;
  std::map<int, std::unique_ptr<T>> jobs_;
};

/// {file, offset, count}, or null.
inline val wanted_to_js(const std::optional<BytesWanted>& wanted) {
  if (!wanted) return val::null();
  val result = val::object();
  result.set("file", wanted->file);
  result.set("offset", static_cast<double>(wanted->offset));
  result.set("count", static_cast<double>(wanted->count));
  return result;
}

}  // namespace keras
