// The central directory and its members.
#include "core/formats/zip/zip_reader.h"

#include <algorithm>
#include <set>

#include "core/base/checked.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/formats/inflate.h"
#include "core/formats/zip/zip_constants.h"
#include "core/formats/zip/zip_names.h"

namespace keras {
namespace {

struct Directory {
  int64_t offset, bytes, members;
};

[[noreturn]] void broken(const ByteSource& source, std::string_view what, int64_t offset) {
  throw DataLossError("{}: {} (at byte {})", source.name(), what, offset).at(source.name(), offset);
}

int64_t as_int64(uint64_t value, const ByteSource& source, int64_t offset) {
  if (value > static_cast<uint64_t>(INT64_MAX)) broken(source, "a size is too large", offset);
  return static_cast<int64_t>(value);
}

/// The zip64 end record replaces what does not fit the old one.
Directory read_zip64_end(const ByteSource& source, int64_t end_offset, const Directory& old) {
  const int64_t locator_offset = end_offset - zip::kLocator64Bytes;
  const std::vector<std::byte> locator_bytes =
      locator_offset < 0 ? std::vector<std::byte>(zip::kLocator64Bytes) : source.read(locator_offset, zip::kLocator64Bytes);
  Cursor locator(locator_bytes, source.name(), locator_offset);
  if (locator.u32() != zip::kLocator64) {
    if (old.bytes != zip::kInZip64 && old.offset != zip::kInZip64) return old;  // it just has 65,535 members
    broken(source, "the zip64 locator is missing", end_offset);
  }
  locator.u32();
  const int64_t record_offset = as_int64(locator.u64(), source, locator_offset);
  const std::vector<std::byte> bytes = source.read(record_offset, zip::kEnd64Bytes);
  Cursor record(bytes, source.name(), record_offset);
  if (record.u32() != zip::kEndOfDirectory64) broken(source, "the zip64 end record is missing", record_offset);
  record.skip(8 + 2 + 2 + 4 + 4 + 8);
  Directory directory;
  directory.members = as_int64(record.u64(), source, record_offset);
  directory.bytes = as_int64(record.u64(), source, record_offset);
  directory.offset = as_int64(record.u64(), source, record_offset);
  return directory;
}

Directory find_directory(const ByteSource& source) {
  const int64_t tail_bytes = std::min(source.size_bytes(), zip::kEndBytes + zip::kMaxCommentBytes);
  const int64_t tail_offset = source.size_bytes() - tail_bytes;
  const std::vector<std::byte> tail = source.read(tail_offset, tail_bytes);
  for (int64_t at = tail_bytes - zip::kEndBytes; at >= 0; --at) {
    Cursor cursor(std::span<const std::byte>(tail).subspan(static_cast<size_t>(at)), source.name(), tail_offset + at);
    if (cursor.u32() != zip::kEndOfDirectory) continue;
    cursor.skip(2 + 2 + 2);
    Directory directory;
    directory.members = cursor.u16();
    directory.bytes = cursor.u32();
    directory.offset = cursor.u32();
    if (cursor.u16() != static_cast<uint16_t>(tail_bytes - at - zip::kEndBytes)) continue;  // the comment's length
    const bool zip64 =
        directory.members == zip::kInZip64Short || directory.bytes == zip::kInZip64 || directory.offset == zip::kInZip64;
    return zip64 ? read_zip64_end(source, tail_offset + at, directory) : directory;
  }
  broken(source, "no zip directory: the file is truncated or no zip", tail_offset);
}

void read_zip64_extra(Cursor extra, ZipMember& member, const ByteSource& source) {
  const int64_t at = extra.file_offset();
  while (extra.remaining() >= 4) {
    const uint16_t id = extra.u16(), bytes = extra.u16();
    if (id != zip::kExtraZip64) {
      extra.skip(bytes);
      continue;
    }
    if (member.bytes == zip::kInZip64) member.bytes = as_int64(extra.u64(), source, at);
    if (member.compressed_bytes == zip::kInZip64) member.compressed_bytes = as_int64(extra.u64(), source, at);
    if (member.header_offset == zip::kInZip64) member.header_offset = as_int64(extra.u64(), source, at);
    return;
  }
}

ZipMember read_member(Cursor& cursor, const ByteSource& source) {
  if (cursor.u32() != zip::kCentralHeader) cursor.fail("a central directory header is broken");
  cursor.skip(4);
  const uint16_t flags = cursor.u16(), method = cursor.u16();
  cursor.skip(4);
  ZipMember member;
  member.crc32 = cursor.u32();
  member.compressed_bytes = cursor.u32();
  member.bytes = cursor.u32();
  const uint16_t name_bytes = cursor.u16(), extra_bytes = cursor.u16(), comment_bytes = cursor.u16();
  cursor.skip(2 + 2 + 4);
  member.header_offset = cursor.u32();
  const int64_t name_offset = cursor.file_offset();
  member.name = zip::decode_name(cursor.text(name_bytes), (flags & zip::kFlagUtf8) != 0, source, name_offset);
  const int64_t extra_offset = cursor.file_offset();
  read_zip64_extra(Cursor(cursor.bytes(extra_bytes), source.name(), extra_offset), member, source);
  cursor.skip(comment_bytes);
  zip::check_name(member.name, source);
  if (flags & zip::kFlagEncrypted)
    throw UnimplementedError("{}: member '{}' is encrypted", source.name(), member.name).at(source.name(), name_offset);
  member.deflated = method == zip::kMethodDeflated;
  if (method != zip::kMethodStored && method != zip::kMethodDeflated) {
    throw UnimplementedError("{}: member '{}' is compressed by method {}; only stored and deflated members are read",
                             source.name(), member.name, method)
        .at(source.name(), name_offset);
  }
  if (!member.deflated && member.bytes != member.compressed_bytes) cursor.fail("a stored member has two sizes");
  return member;
}

/// Members must not share bytes, nor inflate to more than the limit taken together: a small file could claim anything.
void check_members(const ByteSource& source, const std::vector<ZipMember>& members, const Directory& directory,
                   const Limits& limits) {
  int64_t inflated = 0;
  std::vector<const ZipMember*> sorted;
  for (const ZipMember& member : members) {
    sorted.push_back(&member);
    const auto sum = checked_add(inflated, member.deflated ? member.bytes : 0);
    if (!sum || *sum > limits.inflated_bytes) {
      throw ResourceExhaustedError("{}: inflates to more than limits.inflatedBytes ({})", source.name(), limits.inflated_bytes)
          .at(source.name());
    }
    inflated = *sum;
  }
  std::sort(sorted.begin(), sorted.end(),
            [](const ZipMember* a, const ZipMember* b) { return a->header_offset < b->header_offset; });
  for (size_t i = 0; i < sorted.size(); ++i) {
    const int64_t end = i + 1 < sorted.size() ? sorted[i + 1]->header_offset : directory.offset;
    if (end - sorted[i]->header_offset < zip::kLocalHeaderBytes + sorted[i]->compressed_bytes)
      broken(source, format("member '{}' overlaps what follows it", sorted[i]->name), sorted[i]->header_offset);
  }
}

}  // namespace

bool looks_like_zip(std::span<const std::byte> start) {
  constexpr uint8_t kMagics[][4] = {{'P', 'K', 3, 4}, {'P', 'K', 5, 6}};
  if (start.size() < 4) return false;
  return std::any_of(std::begin(kMagics), std::end(kMagics), [&](const uint8_t (&magic)[4]) {
    return std::equal(std::begin(magic), std::end(magic), reinterpret_cast<const uint8_t*>(start.data()));
  });
}

ZipArchive ZipArchive::open(std::shared_ptr<const ByteSource> source, const Limits& limits) {
  ZipArchive archive;
  archive.source_ = std::move(source);
  archive.limits_ = limits;
  const ByteSource& file = *archive.source_;
  const Directory directory = find_directory(file);
  if (directory.members > limits.zip_members) {
    throw ResourceExhaustedError("{}: {} members, more than limits.zipMembers ({})", file.name(), directory.members,
                                 limits.zip_members)
        .at(file.name());
  }
  if (directory.bytes > limits.metadata_bytes) {
    throw ResourceExhaustedError("{}: a directory of {} bytes, more than limits.metadataBytes ({})", file.name(), directory.bytes,
                                 limits.metadata_bytes)
        .at(file.name());
  }
  const std::vector<std::byte> bytes = file.read(directory.offset, directory.bytes);
  Cursor cursor(bytes, file.name(), directory.offset);
  std::set<std::string> names;
  for (int64_t i = 0; i < directory.members; ++i) {
    ZipMember member = read_member(cursor, file);
    if (!names.insert(member.name).second) {
      throw ValueError("{}: the member name '{}' stands in the archive twice", file.name(), member.name).at(file.name());
    }
    if (member.header_offset > file.size_bytes() || file.size_bytes() - member.header_offset < member.compressed_bytes) {
      cursor.fail("a member lies outside the file");
    }
    archive.members_.push_back(std::move(member));
  }
  check_members(file, archive.members_, directory, limits);
  return archive;
}

const ZipMember* ZipArchive::find(std::string_view name) const {
  for (const ZipMember& member : members_) {
    if (member.name == name) return &member;
  }
  return nullptr;
}

int64_t ZipArchive::data_offset(const ZipMember& member) const {
  const std::vector<std::byte> bytes = source_->read(member.header_offset, zip::kLocalHeaderBytes);
  Cursor cursor(bytes, source_->name(), member.header_offset);
  if (cursor.u32() != zip::kLocalHeader) broken(*source_, "a member's header is broken", member.header_offset);
  cursor.skip(22);
  const uint16_t name_bytes = cursor.u16(), extra_bytes = cursor.u16();
  return member.header_offset + zip::kLocalHeaderBytes + name_bytes + extra_bytes;
}

std::shared_ptr<const ByteSource> ZipArchive::open_member(const ZipMember& member) const {
  const std::string name = source_->name() + "/" + member.name;
  const int64_t offset = data_offset(member);
  if (!member.deflated) return std::make_shared<WindowSource>(name, source_, offset, member.bytes);
  const std::vector<std::byte> compressed = source_->read(offset, member.compressed_bytes);
  std::vector<std::byte> bytes = inflate_bytes(compressed, member.bytes, DeflateWrapper::kRaw, name, limits_);
  if (crc32_of(bytes) != member.crc32) throw DataLossError("{}: the checksum differs", name).at(name);
  return std::make_shared<MemorySource>(name, std::move(bytes));
}

void ZipArchive::verify(const ZipMember& member) const {
  if (member.deflated) return;
  const std::vector<std::byte> bytes = source_->read(data_offset(member), member.bytes);
  const std::string name = source_->name() + "/" + member.name;
  if (crc32_of(bytes) != member.crc32) throw DataLossError("{}: the checksum differs", name).at(name);
}

bool ZipArchive::find_folder_with(std::string_view file, std::string& folder) const {
  bool found = false;
  for (const ZipMember& member : members_) {
    if (zip::is_macos_metadata(member.name)) continue;
    const size_t slash = member.name.rfind('/');
    const std::string name = slash == std::string::npos ? member.name : member.name.substr(slash + 1);
    if (name != file) continue;
    const std::string parent = slash == std::string::npos ? "" : member.name.substr(0, slash + 1);
    if (found && std::count(parent.begin(), parent.end(), '/') >= std::count(folder.begin(), folder.end(), '/')) continue;
    folder = parent;
    found = true;
  }
  return found;
}

}  // namespace keras
