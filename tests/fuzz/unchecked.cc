// In place of core/formats/hdf5/checksum.cc: to a fuzzer every checksum is right.
#include "core/formats/hdf5/checksum.h"

namespace keras::hdf5 {

void Fletcher32::add(std::span<const std::byte>) {}

bool lookup3_matches(std::span<const std::byte>, uint32_t) { return true; }
bool fletcher32_matches(const Fletcher32&, uint32_t) { return true; }

}  // namespace keras::hdf5
