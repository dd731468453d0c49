// Names and codes of the error kinds.
#include "core/base/error.h"

namespace keras {
namespace {

struct KindText {
  std::string_view name;
  std::string_view code;
};

constexpr KindText kKinds[] = {
#define KERAS_ERROR_TEXT(name, code) {#name, code},
    KERAS_ERROR_KINDS(KERAS_ERROR_TEXT)
#undef KERAS_ERROR_TEXT
};

}  // namespace

std::string_view error_name(ErrorKind kind) { return kKinds[static_cast<size_t>(kind)].name; }
std::string_view error_code(ErrorKind kind) { return kKinds[static_cast<size_t>(kind)].code; }

}  // namespace keras
