// Typed errors. One table of kinds: the C++ class, the name of the JS class (Python's name) and the code that users see.
// Bad input (files, arguments, shapes) raises one of these; a broken internal invariant is an assert.
#pragma once

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/format.h"

namespace keras {

// X(C++ and JS class, code)
#define KERAS_ERROR_KINDS(X)                        \
  X(ValueError, "VALUE_ERROR")                      \
  X(TypeError, "TYPE_ERROR")                        \
  X(RuntimeError, "RUNTIME_ERROR")                  \
  X(NotFoundError, "NOT_FOUND")                     \
  X(InvalidArgumentError, "INVALID_ARGUMENT")       \
  X(FailedPreconditionError, "FAILED_PRECONDITION") \
  X(DataLossError, "DATA_LOSS")                     \
  X(UnimplementedError, "UNIMPLEMENTED")            \
  X(ResourceExhaustedError, "RESOURCE_EXHAUSTED")   \
  X(OutOfMemoryError, "OUT_OF_MEMORY")              \
  X(AbortError, "ABORTED")                          \
  X(IOError, "IO_ERROR")

enum class ErrorKind {
#define KERAS_ERROR_ENUM(name, code) k##name,
  KERAS_ERROR_KINDS(KERAS_ERROR_ENUM)
#undef KERAS_ERROR_ENUM
};

/// Python's class name of the kind: "ValueError".
std::string_view error_name(ErrorKind kind);
/// The stable code of the kind: "VALUE_ERROR".
std::string_view error_code(ErrorKind kind);

/// Base of every error of the core. `path` names the layer, node or file; `offset` is a byte offset in that file or -1.
class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string message) : kind_(kind), message_(std::move(message)) {}

  const char* what() const noexcept override { return message_.c_str(); }
  ErrorKind kind() const { return kind_; }
  const std::string& message() const { return message_; }
  const std::string& path() const { return path_; }
  int64_t offset() const { return offset_; }

  /// Adds the place on the way out; the innermost place stays.
  void set_path(std::string_view path) {
    if (path_.empty()) path_ = path;
  }
  void set_offset(int64_t offset) {
    if (offset_ < 0) offset_ = offset;
  }
  /// Puts `prefix` in front of the message: the node or layer in which a kernel failed.
  void prefix_message(std::string_view prefix) { message_.insert(0, prefix); }

 private:
  ErrorKind kind_;
  std::string message_;
  std::string path_;
  int64_t offset_ = -1;
};

// class ValueError : public Error, … each with ValueError("pattern with {}", arguments…)
#define KERAS_ERROR_CLASS(name, code)                                                                                            \
  class name : public Error {                                                                                                    \
   public:                                                                                                                       \
    template <class... Args>                                                                                                     \
    explicit name(std::string_view pattern, const Args&... args) : Error(ErrorKind::k##name, keras::format(pattern, args...)) {} \
    name& at(std::string_view path, int64_t offset = -1) {                                                                       \
      set_path(path);                                                                                                            \
      set_offset(offset);                                                                                                        \
      return *this;                                                                                                              \
    }                                                                                                                            \
  };
KERAS_ERROR_KINDS(KERAS_ERROR_CLASS)
#undef KERAS_ERROR_CLASS

}  // namespace keras
