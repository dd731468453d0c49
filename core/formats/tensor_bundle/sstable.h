// The sorted string table of LevelDB, as tensor bundles use it: keys and values in blocks with checksums.
// Layout: docs/formats/tensor_bundle.md.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "core/base/byte_source.h"
#include "core/base/limits.h"

namespace keras {

using TableEntries = std::vector<std::pair<std::string, std::string>>;

/// All entries, in order of keys. Throws DataLossError (footer, checksum, truncation, order; with file and offset),
/// ResourceExhaustedError, UnimplementedError (blocks compressed by other than Snappy).
TableEntries read_table(const ByteSource& source, const Limits& limits);

/// REQUIRES: entries sorted by key, no key twice.
std::vector<std::byte> write_table(const TableEntries& entries);

}  // namespace keras
