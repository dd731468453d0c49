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

/// [{file, offset, count}, …]
inline val wanted_to_js(const std::vector<BytesWanted>& wanted) {
  val list = val::array();
  for (const BytesWanted& range : wanted) {
    val object = val::object();
    object.set("file", range.file);
    object.set("offset", static_cast<double>(range.offset));
    object.set("count", static_cast<double>(range.count));
    list.call<void>("push", object);
  }
  return list;
}

}  // namespace keras
