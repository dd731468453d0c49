// Zip archives: ours read back, others made by hand as Python, macOS and streaming writers make them, broken ones.
#include "core/formats/zip/zip_reader.h"

#include <map>
#include <optional>

#include "core/formats/inflate.h"
#include "core/formats/zip/zip_writer.h"
#include "tests/core/formats/support.h"

namespace keras {
namespace {

using namespace keras::testing;

/// How a member is to be written.
struct Part {
  std::string name;
  FileBytes bytes;
  bool deflated = false, descriptor = false, zip64 = false;
  uint16_t flags = 0;
  int method = -1;                        // another than the one of `deflated`
  std::optional<uint32_t> crc;            // a wrong one
  std::optional<uint64_t> claimed_bytes;  // a wrong size
};

/// An archive by hand; every part of it can be bent.
FileBytes archive_of(const std::vector<Part>& parts, bool zip64_end = false, const std::string& comment = "") {
  ByteWriter file, directory;
  for (const Part& part : parts) {
    const FileBytes stored = part.deflated ? deflated(part.bytes, DeflateWrapper::kRaw) : part.bytes;
    const uint64_t bytes = part.claimed_bytes.value_or(part.bytes.size()), offset = file.size();
    const uint32_t crc = part.crc.value_or(crc32_of(part.bytes));
    const auto method = static_cast<uint16_t>(part.method >= 0 ? part.method : part.deflated ? 8 : 0);
    const auto flags = static_cast<uint16_t>(part.flags | (part.descriptor ? 8 : 0));
    const auto name_bytes = static_cast<uint16_t>(part.name.size());
    const uint32_t in_zip64 = 0xFFFFFFFF;
    file.u32(0x04034B50).u16(20).u16(flags).u16(method).u32(0);
    if (part.descriptor)
      file.u32(0).u32(0).u32(0);
    else
      file.u32(crc)
          .u32(part.zip64 ? in_zip64 : static_cast<uint32_t>(stored.size()))
          .u32(part.zip64 ? in_zip64 : static_cast<uint32_t>(bytes));
    file.u16(name_bytes).u16(part.zip64 ? 20 : 0).text(part.name);
    if (part.zip64) file.u16(1).u16(16).u64(bytes).u64(stored.size());
    file.bytes.insert(file.bytes.end(), stored.begin(), stored.end());
    if (part.descriptor)
      file.u32(0x08074B50).u32(crc).u32(static_cast<uint32_t>(stored.size())).u32(static_cast<uint32_t>(bytes));
    directory.u32(0x02014B50).u16(20).u16(20).u16(flags).u16(method).u32(0).u32(crc);
    directory.u32(part.zip64 ? in_zip64 : static_cast<uint32_t>(stored.size()))
        .u32(part.zip64 ? in_zip64 : static_cast<uint32_t>(bytes));
    directory.u16(name_bytes).u16(part.zip64 ? 4 + 5 + 28 : 0).u16(0).u16(0).u16(0).u32(0);
    directory.u32(part.zip64 ? in_zip64 : static_cast<uint32_t>(offset)).text(part.name);
    if (part.zip64) directory.u16(0x5455).u16(5).zeros(5).u16(1).u16(24).u64(bytes).u64(stored.size()).u64(offset);
  }
  const uint64_t directory_offset = file.size();
  file.bytes.insert(file.bytes.end(), directory.bytes.begin(), directory.bytes.end());
  if (zip64_end) {
    const uint64_t record = file.size();
    file.u32(0x06064B50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(parts.size()).u64(parts.size());
    file.u64(directory.size()).u64(directory_offset).u32(0x07064B50).u32(0).u64(record).u32(1);
  }
  const auto count = static_cast<uint16_t>(zip64_end ? 0xFFFF : parts.size());
  file.u32(0x06054B50).u16(0).u16(0).u16(count).u16(count);
  file.u32(zip64_end ? 0xFFFFFFFF : static_cast<uint32_t>(directory.size()));
  file.u32(zip64_end ? 0xFFFFFFFF : static_cast<uint32_t>(directory_offset));
  file.u16(static_cast<uint16_t>(comment.size())).text(comment);
  return file.bytes;
}

ZipArchive open(const FileBytes& bytes, const Limits& limits = {}) { return ZipArchive::open(source_of(bytes, "a.zip"), limits); }

FileBytes contents(const ZipArchive& archive, const std::string& name) {
  const ZipMember* member = archive.find(name);
  if (member == nullptr) throw NotFoundError("{}", name);
  const auto source = archive.open_member(*member);
  return source->read(0, source->size_bytes());
}

const FileBytes kText = to_bytes("some text, some text, some text, some text");

TEST(ZipReader, ReadsStoredDeflatedAndZip64MembersWithAndWithoutDescriptors) {
  for (const bool deflated : {false, true}) {
    for (const bool descriptor : {false, true}) {
      for (const bool zip64 : {false, true}) {
        for (const bool zip64_end : {false, true}) {
          if (descriptor && zip64) continue;
          const ZipArchive archive = open(archive_of({{"x/y", kText, deflated, descriptor, zip64}, {"empty", {}}}, zip64_end));
          EXPECT_EQ(contents(archive, "x/y"), kText) << deflated << descriptor << zip64 << zip64_end;
          EXPECT_TRUE(contents(archive, "empty").empty());
          EXPECT_EQ(archive.find("y"), nullptr);
        }
      }
    }
  }
}

TEST(ZipReader, ReadsBehindComments) {
  EXPECT_EQ(contents(open(archive_of({{"x", kText}}, false, "a comment")), "x"), kText);
  EXPECT_EQ(contents(open(archive_of({{"x", kText}}, true, std::string(65535, 'c'))), "x"), kText);
  // A comment that looks like the end of a directory.
  EXPECT_EQ(contents(open(archive_of({{"x", kText}}, false, std::string("PK\5\6") + std::string(20, 'z'))), "x"), kText);
}

/// What tests/fixtures/make_zips.py puts into a member: its name, 40 times.
FileBytes python_content(const std::string& name) {
  std::string text;
  for (int i = 0; i < 40; ++i) text += name;
  return to_bytes(text);
}

TEST(ZipReader, ReadsAllThatPythonsZipfileWrites) {
  for (const char* kind :
       {"stored", "deflated", "zip64", "streamed", "streamed_deflated", "streamed_zip64", "utf8_without_flag"}) {
    const ZipArchive archive = open(fixture_bytes(std::string("zips/") + kind + ".zip"));
    ASSERT_EQ(archive.members().size(), 3u) << kind;
    for (const char* name : {"model/saved_model.pb", "model/variables/größe 数.bin", "note"}) {
      EXPECT_EQ(contents(archive, name), python_content(name)) << kind << ": " << name;
      EXPECT_NO_THROW(archive.verify(*archive.find(name)));
    }
    std::string folder;
    EXPECT_TRUE(archive.find_folder_with("saved_model.pb", folder)) << kind;
    EXPECT_EQ(folder, "model/") << kind;
  }
  const ZipArchive dos = open(fixture_bytes("zips/code_page_437.zip"));
  EXPECT_EQ(contents(dos, "model/größe.bin"), python_content("model/größe.bin"));
  std::string folder;
  EXPECT_TRUE(open(fixture_bytes("zips/macos.zip")).find_folder_with("saved_model.pb", folder));
  EXPECT_EQ(folder, "model/");
  EXPECT_THROW(open(fixture_bytes("zips/refused_bzip2.zip")), UnimplementedError);
  EXPECT_THROW(open(fixture_bytes("zips/refused_lzma.zip")), UnimplementedError);
}

TEST(ZipReader, NamesWithoutTheFlagAreCodePage437WhereTheyAreNoUtf8) {
  // Python: bytes(range(128, 256)).decode('cp437'), its first, its last but one and one of three bytes in UTF-8.
  EXPECT_NE(open(archive_of({{"\x80\xFE\xC4", kText}})).find("Ç■─"), nullptr);
  constexpr uint16_t kUtf8 = 1 << 11;
  EXPECT_NE(open(archive_of({{"größe", kText, false, false, false, kUtf8}})).find("größe"), nullptr);
  for (const char* name : {"\x80", "a\xC3", "\xC0\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xF0\x80\x80\xAF", "\xE0\x80\xAF"})
    EXPECT_THROW(open(archive_of({{name, kText, false, false, false, kUtf8}})), DataLossError) << name;
}

TEST(ZipReader, FindsChangedBytesOfStoredMembersWhenAsked) {
  Part part{"x", kText};
  part.crc = 1;
  const ZipArchive archive = open(archive_of({part}));
  EXPECT_EQ(contents(archive, "x"), kText);
  EXPECT_THROW(archive.verify(*archive.find("x")), DataLossError);
}

TEST(ZipReader, ReadsSixtyFiveThousandMembersWithoutZip64) {
  // As many as the old end record can say: 65,535, which in other archives means that a zip64 record follows.
  const auto archive_with = [](bool zip64_end) {
    std::vector<Part> parts(65535);
    for (size_t i = 0; i < parts.size(); ++i) parts[i].name = std::to_string(i);
    return archive_of(parts, zip64_end);
  };
  EXPECT_EQ(open(archive_with(false)).members().size(), 65535u);
  EXPECT_EQ(open(archive_with(true)).members().size(), 65535u);
}

TEST(ZipReader, ReadsArchivesOfPython) {
  const ZipArchive archive = open(fixture_bytes("models/small_cnn_wrapped.zip"));
  std::string folder;
  ASSERT_TRUE(archive.find_folder_with("saved_model.pb", folder));
  for (const ZipMember& member : archive.members()) {
    if (!member.name.ends_with('/')) EXPECT_EQ(static_cast<int64_t>(contents(archive, member.name).size()), member.bytes);
  }
}

TEST(ZipReader, FindsTheLeastDeepFolderAndNotMacOsMetadata) {
  std::string folder;
  const auto find = [&](const std::vector<std::string>& names) {
    std::vector<Part> parts;
    for (const std::string& name : names) parts.push_back({name, kText});
    return open(archive_of(parts)).find_folder_with("saved_model.pb", folder);
  };
  EXPECT_TRUE(find({"__MACOSX/m/saved_model.pb", "m/saved_model.pb"}));
  EXPECT_EQ(folder, "m/");
  EXPECT_TRUE(find({"up/__MACOSX/saved_model.pb", "up/m/v1/saved_model.pb"}));
  EXPECT_EQ(folder, "up/m/v1/");
  EXPECT_TRUE(find({"a/b/saved_model.pb", "c/saved_model.pb"}));
  EXPECT_EQ(folder, "c/");
  EXPECT_TRUE(find({"saved_model.pb"}));
  EXPECT_EQ(folder, "");
  EXPECT_FALSE(find({"__MACOSX/saved_model.pb", "x_saved_model.pb", "saved_model.pb/x"}));
}

TEST(ZipReader, RefusesByName) {
  EXPECT_THROW(open(archive_of({{"x", kText, false, false, false, 1}})), UnimplementedError);
  EXPECT_THROW(open(archive_of({{"x", kText, false, false, false, 0, 12}})), UnimplementedError);
  for (const char* name : {"../x", "/x", "a/../x", "a\\x", "C:x", "..", "a/..", ""}) {
    EXPECT_THROW(open(archive_of({{name, kText}})), ValueError) << name;
  }
  for (const char* name : {"a..b", "...", "a/.b", "größe"}) EXPECT_NO_THROW(open(archive_of({{name, kText}}))) << name;
  EXPECT_THROW(open(archive_of({{"x", kText}, {"x", kText}})), ValueError);
}

TEST(ZipReader, FindsChangedBytesOfDeflatedMembers) {
  Part part{"x", kText, true};
  part.crc = 1;
  EXPECT_THROW(contents(open(archive_of({part})), "x"), DataLossError);
}

TEST(ZipReader, ClaimsOfTerabytesAreRefused) {
  Part part{"x", kText, true, false, true};
  part.claimed_bytes = uint64_t{1} << 40;
  EXPECT_THROW(open(archive_of({part})), ResourceExhaustedError);
  part.claimed_bytes = uint64_t{1} << 63;
  EXPECT_THROW(open(archive_of({part})), DataLossError);
  part.claimed_bytes = uint64_t{1} << 31;  // below the limit, but not what these bytes can inflate to
  EXPECT_THROW(contents(open(archive_of({part})), "x"), DataLossError);
  std::vector<Part> many(4, part);
  for (size_t i = 0; i < many.size(); ++i) many[i].name = std::to_string(i);
  EXPECT_THROW(open(archive_of(many)), ResourceExhaustedError) << "together more than the limit";
  Limits limits;
  limits.zip_members = 1;
  EXPECT_THROW(open(archive_of({{"a", kText}, {"b", kText}}), limits), ResourceExhaustedError);
}

TEST(ZipReader, BombsAreStoppedAtWhatTheyClaim) {
  Part bomb{"x", FileBytes(64 << 20), true};  // 64 kB that inflate to 64 MiB
  bomb.crc = 0;
  for (const uint64_t claimed : {uint64_t{0}, uint64_t{100}, uint64_t{(64 << 20) - 1}, uint64_t{(64 << 20) + 1}}) {
    bomb.claimed_bytes = claimed;
    EXPECT_THROW(contents(open(archive_of({bomb})), "x"), DataLossError) << claimed;
  }
  bomb.claimed_bytes.reset();
  Limits limits;
  limits.inflated_bytes = 32 << 20;
  EXPECT_THROW(open(archive_of({bomb}), limits), ResourceExhaustedError);
}

TEST(ZipReader, MembersThatOverlapAreRefused) {
  FileBytes bytes = archive_of({{"aa", kText, true}, {"bb", kText, true}});
  const size_t second = find_text(bytes, "PK\1\2", 1);
  patch(bytes, second + 42, uint32_t{0});  // the second names the first one's bytes
  EXPECT_THROW(open(bytes), DataLossError);
}

TEST(ZipHostile, CutFlippedAndBentArchivesAreTypedErrorsOrRead) {
  const auto parse = [](const FileBytes& bytes) {
    const ZipArchive archive = open(bytes);
    std::string folder;
    archive.find_folder_with("x", folder);
    for (const ZipMember& member : archive.members()) survives([&] { contents(archive, member.name); }, member.name);
  };
  for (const bool zip64 : {false, true}) {
    const FileBytes good = archive_of({{"x", kText, true, !zip64, zip64}, {"d/y", kText, false, false, zip64}}, zip64);
    EXPECT_EQ(expect_hostile_bytes_survived(good, parse), 0);
    expect_hostile_fields_survived(good, parse);
  }
}

TEST(ZipWriter, WhatItWritesIsReadBackAndTheSameEachTime) {
  const auto files = [] {
    std::vector<OutputFile> result(3);
    result[0].path = "m/größe.bin";
    result[0].add(to_bytes("one "));
    result[0].add(to_bytes("two"));
    result[1].path = "m/empty";
    result[2].path = "z";
    result[2].add(FileBytes(100000, std::byte{7}));
    return result;
  };
  const FileBytes bytes = bytes_of(zip_files("a.zip", files()));
  EXPECT_EQ(bytes, bytes_of(zip_files("a.zip", files())));
  EXPECT_TRUE(looks_like_zip(bytes));
  const ZipArchive archive = open(bytes);
  EXPECT_EQ(contents(archive, "m/größe.bin"), to_bytes("one two"));
  EXPECT_TRUE(contents(archive, "m/empty").empty());
  EXPECT_EQ(contents(archive, "z"), FileBytes(100000, std::byte{7}));
  EXPECT_EQ(archive.find("z")->crc32, crc32_of(FileBytes(100000, std::byte{7})));
}

TEST(ZipWriter, DeflatesWhatBecomesSmallerWhenAsked) {
  const auto files = [] {
    std::vector<OutputFile> result(3);
    result[0].path = "text";
    for (int i = 0; i < 100; ++i) result[0].add(kText);
    result[1].path = "short";
    result[1].add(to_bytes("ab"));
    result[2].path = "empty";
    return result;
  };
  const FileBytes bytes = bytes_of(zip_files("a.zip", files(), ZipCompression::kDeflated));
  EXPECT_EQ(bytes, bytes_of(zip_files("a.zip", files(), ZipCompression::kDeflated)));
  EXPECT_LT(bytes.size(), kText.size() * 20);
  const ZipArchive archive = open(bytes);
  EXPECT_TRUE(archive.find("text")->deflated);
  EXPECT_FALSE(archive.find("short")->deflated);
  EXPECT_FALSE(archive.find("empty")->deflated);
  EXPECT_EQ(contents(archive, "text"), bytes_of(files()[0]));
  EXPECT_EQ(contents(archive, "short"), to_bytes("ab"));
  EXPECT_TRUE(contents(archive, "empty").empty());
}

TEST(ZipWriter, RefusesNamesThatAreTooLong) {
  std::vector<OutputFile> files(1);
  files[0].path = std::string(65535, 'a');
  EXPECT_EQ(open(bytes_of(zip_files("a.zip", files))).members()[0].name.size(), 65535u);
  files[0].path += 'a';
  EXPECT_THROW(zip_files("a.zip", files), ValueError);
}

TEST(ZipWriter, AnEmptyArchiveIsOne) {
  const FileBytes bytes = bytes_of(zip_files("a.zip", {}));
  EXPECT_EQ(bytes.size(), 22u);
  EXPECT_TRUE(looks_like_zip(bytes));
  EXPECT_TRUE(open(bytes).members().empty());
}

TEST(ZipWriter, ManyMembersGetAZip64Directory) {
  std::vector<OutputFile> files(66000);
  for (size_t i = 0; i < files.size(); ++i) files[i].path = std::to_string(i);
  const ZipArchive archive = open(bytes_of(zip_files("a.zip", std::move(files))));
  EXPECT_EQ(archive.members().size(), 66000u);
  EXPECT_EQ(archive.members().back().name, "65999");
}

/// A file that is as large as it says without being anywhere: what is not kept is zero.
class SparseSource final : public ByteSource {
 public:
  explicit SparseSource(const OutputFile& file) {
    for (const FilePiece& piece : file.pieces) {
      if (piece.owned.empty())
        size_ += static_cast<int64_t>(piece.borrowed.size());
      else
        kept_[size_] = piece.owned, size_ += static_cast<int64_t>(piece.owned.size());
    }
  }
  const std::string& name() const override { return name_; }
  int64_t size_bytes() const override { return size_; }
  void read(int64_t offset, std::span<std::byte> out) const override {
    if (offset < 0 || offset > size_ || size_ - offset < static_cast<int64_t>(out.size())) throw DataLossError("past the end");
    std::fill(out.begin(), out.end(), std::byte{0});
    for (const auto& [at, bytes] : kept_) {
      const int64_t from = std::max(at, offset);
      const int64_t to = std::min(at + static_cast<int64_t>(bytes.size()), offset + static_cast<int64_t>(out.size()));
      if (from < to) std::copy_n(bytes.begin() + (from - at), to - from, out.begin() + (from - offset));
    }
  }

 private:
  std::string name_ = "sparse";
  int64_t size_ = 0;
  std::map<int64_t, FileBytes> kept_;
};

TEST(ZipWriter, FilesOfFourGigabytesGetZip64Sizes) {
  // The same 64 MB of nothing, 64 times; and a file behind them.
  const auto zeros = std::make_shared<FileBytes>(64 << 20);
  std::vector<OutputFile> files(2);
  files[0].path = "large";
  for (int i = 0; i < 64; ++i) files[0].add(std::span<const std::byte>(*zeros), zeros);
  files[1].path = "behind";
  files[1].add(kText);
  const OutputFile file = zip_files("a.zip", std::move(files));
  const ZipArchive archive = ZipArchive::open(std::make_shared<SparseSource>(file), Limits{});
  EXPECT_EQ(archive.find("large")->bytes, int64_t{1} << 32);
  EXPECT_EQ(archive.find("large")->compressed_bytes, int64_t{1} << 32);
  EXPECT_GT(archive.find("behind")->header_offset, int64_t{1} << 32);
  EXPECT_EQ(contents(archive, "behind"), kText);
  // Python: functools.reduce(lambda crc, _: zlib.crc32(bytes(1 << 26), crc), range(64), 0)
  EXPECT_EQ(archive.find("large")->crc32, 0xD202EF8Du);
}

TEST(ZipReader, ReadsDirectoriesBehindFourGigabytes) {
  // Offsets above 4 GB, in a file that exists only where its headers are.
  ByteWriter local, directory;
  constexpr uint64_t kFar = uint64_t{5} << 30;
  local.u32(0x04034B50).u16(45).u16(0).u16(0).u32(0).u32(crc32_of(kText)).u32(static_cast<uint32_t>(kText.size()));
  local.u32(static_cast<uint32_t>(kText.size())).u16(1).u16(0).text("x");
  local.bytes.insert(local.bytes.end(), kText.begin(), kText.end());
  directory.u32(0x02014B50).u16(45).u16(45).u16(0).u16(0).u32(0).u32(crc32_of(kText));
  directory.u32(static_cast<uint32_t>(kText.size())).u32(static_cast<uint32_t>(kText.size()));
  directory.u16(1).u16(12).u16(0).u16(0).u16(0).u32(0).u32(0xFFFFFFFF).text("x").u16(1).u16(8).u64(kFar);
  const uint64_t directory_offset = kFar + local.size(), record = directory_offset + directory.size();
  const uint64_t directory_bytes = directory.size();
  directory.u32(0x06064B50).u64(44).u16(45).u16(45).u32(0).u32(0).u64(1).u64(1).u64(directory_bytes).u64(directory_offset);
  directory.u32(0x07064B50).u32(0).u64(record).u32(1);
  directory.u32(0x06054B50).u16(0).u16(0).u16(1).u16(1).u32(0xFFFFFFFF).u32(0xFFFFFFFF).u16(0);
  OutputFile file;
  file.add(std::span<const std::byte>(static_cast<const std::byte*>(nullptr), kFar), nullptr);
  file.add(std::move(local.bytes));
  file.add(std::move(directory.bytes));
  const ZipArchive archive = ZipArchive::open(std::make_shared<SparseSource>(file), Limits{});
  ASSERT_EQ(archive.members().size(), 1u);
  EXPECT_EQ(archive.members()[0].header_offset, static_cast<int64_t>(kFar));
  EXPECT_EQ(contents(archive, "x"), kText);
}

}  // namespace
}  // namespace keras
