// Reads zip archives: stored and deflated members, zip64, data descriptors, UTF-8 names. Layout: docs/formats/zip.md.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/byte_source.h"
#include "core/base/limits.h"

namespace keras {

struct ZipMember {
  std::string name;
  int64_t compressed_bytes = 0, bytes = 0, header_offset = 0;
  uint32_t crc32 = 0;
  bool deflated = false;
};

/// The central directory of an archive. Reading members may throw NeedBytes; nothing is lost then.
class ZipArchive {
 public:
  /// Throws DataLossError (no zip, truncated, lies about sizes), ResourceExhaustedError, UnimplementedError (encryption,
  /// other compressions), ValueError (names that leave the archive or stand in it twice).
  static ZipArchive open(std::shared_ptr<const ByteSource> source, const Limits& limits);

  const std::vector<ZipMember>& members() const { return members_; }
  /// Null if there is no such member.
  const ZipMember* find(std::string_view name) const;
  /// A stored member is a window into the archive, not verified; a deflated one is inflated now and its checksum verified.
  std::shared_ptr<const ByteSource> open_member(const ZipMember& member) const;
  /// Holds a stored member against its checksum, for those whose format has none of its own. Throws DataLossError.
  void verify(const ZipMember& member) const;
  /// The folder ("" or "model/") that holds `file`, wherever it is; folders of macOS's metadata do not count.
  /// False if there is none; the least deep one if there are several.
  bool find_folder_with(std::string_view file, std::string& folder) const;

 private:
  int64_t data_offset(const ZipMember& member) const;

  std::shared_ptr<const ByteSource> source_;
  Limits limits_;
  std::vector<ZipMember> members_;
};

/// Whether the bytes begin as a zip archive does.
bool looks_like_zip(std::span<const std::byte> start);

}  // namespace keras
