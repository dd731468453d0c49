// Deflate streams are made here, and read in inflate.h.
#pragma once

#include <cstddef>
#include <vector>

#include "core/base/byte_sink.h"

namespace keras {

/// The bytes of the pieces, one after the other, as one raw deflate stream (level 6). The same bytes give the same stream.
std::vector<std::byte> deflate_pieces(const std::vector<FilePiece>& pieces);

}  // namespace keras
