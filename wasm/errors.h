// The only place where a C++ exception meets JavaScript. Every bound function goes through guarded().
#pragma once

#include <emscripten/val.h>

#include <new>
#include <string>

#include "core/base/error.h"

namespace keras {

struct ErrorRecord {
  std::string name, message, path;
  double offset = -1;
};

/// Makes the JavaScript error for the record and throws it.
[[noreturn]] void raise(const ErrorRecord& record);

/// Runs `f`; what it throws becomes an error of the JavaScript class of the same name. Errors that JavaScript itself
/// threw (in a custom layer) pass through.
template <class F>
auto guarded(F&& f) -> decltype(f()) {
  ErrorRecord record;
  try {
    return f();
  } catch (const Error& e) {
    record = {std::string(error_name(e.kind())), e.message(), e.path(), static_cast<double>(e.offset())};
  } catch (const std::bad_alloc&) {
    record = {"OutOfMemoryError", "The engine could not allocate memory."};
  } catch (const std::exception& e) {
    record = {"InternalError", e.what()};
  }
  raise(record);  // outside the catch, so that destructors have run
}

}  // namespace keras
