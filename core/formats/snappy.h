// Snappy's raw format (no framing), as LevelDB's tables use it for compressed blocks.
// Source: github.com/google/snappy, format_description.txt.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace keras {

/// Throws DataLossError naming `file` and the offset (`base_offset` is that of the first byte) if the stream is broken or of
/// another size than it says, ResourceExhaustedError if it says more than `max_bytes`. Takes no more memory than `compressed`
/// can stand for.
std::vector<std::byte> uncompress_snappy(std::span<const std::byte> compressed, std::string_view file, int64_t base_offset,
                                         int64_t max_bytes);

}  // namespace keras
