// Writes zip archives, zip64 where sizes ask for it. The bytes of stored members are not copied.
#pragma once

#include <vector>

#include "core/base/byte_sink.h"

namespace keras {

enum class ZipCompression { kStored, kDeflated };

/// One archive with these files, in this order. The same files give the same bytes: the time stamp is fixed. With
/// kDeflated, files that become smaller are deflated, in memory; the others are stored. Throws ValueError: a name is too long.
OutputFile zip_files(std::string path, std::vector<OutputFile> files, ZipCompression compression = ZipCompression::kStored);

}  // namespace keras
