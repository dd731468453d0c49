// Targets of reads.
#include "core/saving/read_list.h"

namespace keras {

std::span<std::byte> variable_bytes(Variable& variable) { return variable.mutable_value().bytes(); }

}  // namespace keras
