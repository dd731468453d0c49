// SHA-256 (FIPS 180-4), in pieces: digests of weights, by which files are compared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

namespace keras {

class Sha256 {
 public:
  void update(std::span<const std::byte> bytes);
  /// The digest as 64 hexadecimal digits. The object is used up.
  std::string finish();

 private:
  static constexpr size_t kBlockBytes = 64;
  void add_block(const std::byte* block);

  std::array<uint32_t, 8> state_ = {0x6A09E667, 0xBB67AE85, 0x3C6EF372, 0xA54FF53A,
                                    0x510E527F, 0x9B05688C, 0x1F83D9AB, 0x5BE0CD19};
  std::array<std::byte, kBlockBytes> open_;  // the first open_bytes_ of a block
  size_t open_bytes_ = 0;
  uint64_t total_bytes_ = 0;
};

}  // namespace keras
