// Hashes of strings that must agree with TensorFlow's.
#pragma once

#include <cstdint>
#include <string_view>

namespace keras {

/// FarmHash's Fingerprint64 (G. Pike, 2014).
uint64_t fingerprint64(std::string_view text);

/// SipHash-2-4 (J.-P. Aumasson, D. Bernstein, 2012) with a key of two words.
uint64_t sip_hash(uint64_t key_low, uint64_t key_high, std::string_view text);

}  // namespace keras
