// Names of zip members: their encoding, and which are refused.
#pragma once

#include <string>
#include <string_view>

#include "core/base/byte_source.h"

namespace keras::zip {

/// A name as UTF-8. Without the flag that says so, bytes that are UTF-8 are taken for it (macOS and others forget the flag),
/// all else for code page 437, as zip has it. Throws DataLossError: flagged, but no UTF-8.
std::string decode_name(std::string_view bytes, bool flagged_utf8, const ByteSource& source, int64_t offset);

/// Names must stay inside the archive's own tree. Throws ValueError.
void check_name(const std::string& name, const ByteSource& source);

/// Whether a part of the path is the folder of macOS's metadata.
bool is_macos_metadata(std::string_view name);

}  // namespace keras::zip
