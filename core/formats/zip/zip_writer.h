// Writes zip archives of stored members, zip64 where sizes ask for it. The bytes of the members are not copied.
#pragma once

#include <vector>

#include "core/base/byte_sink.h"

namespace keras {

/// One archive with these files, in this order. The same files give the same bytes: the time stamp is fixed.
OutputFile zip_files(std::string path, std::vector<OutputFile> files);

}  // namespace keras
