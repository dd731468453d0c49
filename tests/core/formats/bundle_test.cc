// Tensor bundles: TensorFlow's read, ours read back, tables by hand, broken ones.
#include <algorithm>
#include <cstring>
#include <optional>

#include "core/base/crc32c.h"
#include "core/base/cursor.h"
#include "core/formats/tensor_bundle/bundle_reader.h"
#include "core/formats/tensor_bundle/bundle_writer.h"
#include "core/formats/tensor_bundle/sstable.h"
#include "proto/tensor_bundle.pb.h"
#include "tests/core/formats/support.h"

namespace keras {
namespace {

using namespace keras::testing;

constexpr int32_t kFloat = 1, kStringType = 7;
const char* const kModels[] = {"train_adam_mse", "small_cnn", "multi_io", "mini_mobilenet"};

std::string variables(const char* model) { return std::string("models/") + model + "/variables/variables"; }

TEST(BundleReader, ReadsAndVerifiesEveryValueThatTensorFlowWrote) {
  for (const char* model : kModels) {
    const FileBytes data = fixture_bytes(variables(model) + ".data-00000-of-00001");
    const BundleReader reader = BundleReader::open(*source_of(fixture_bytes(variables(model) + ".index")), Limits{});
    EXPECT_EQ(reader.shard_count(), 1);
    const int64_t size = static_cast<int64_t>(data.size());
    reader.check_shards(std::span(&size, 1));
    int strings = 0;
    for (const auto& [name, entry] : reader.entries()) {
      const auto values = std::span(data).subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.bytes));
      if (entry.dtype == kStringType) {
        EXPECT_EQ(reader.decode_strings(name, values, Limits{}).size(), 1u) << name;
        ++strings;
      } else {
        EXPECT_NO_THROW(reader.verify(name, values)) << name;
      }
    }
    EXPECT_GE(strings, 1) << "the object graph";
    EXPECT_GT(reader.entries().size(), 3u);
  }
}

TEST(BundleReader, TheBlocksOfATableOfTensorFlowAreTheSameWhenWeWriteThem) {
  for (const char* model : kModels) {
    const FileBytes index = fixture_bytes(variables(model) + ".index");
    const FileBytes ours = write_table(read_table(*source_of(index), Limits{}));
    // Behind the blocks of entries TensorFlow shortens the keys of the index of blocks; we write them whole.
    Cursor footer(std::span(index).subspan(index.size() - 48), "footer");
    const auto end = static_cast<ptrdiff_t>(footer.varint64());
    ASSERT_GT(end, 100);
    EXPECT_TRUE(std::equal(index.begin(), index.begin() + end, ours.begin())) << model;
  }
}

TEST(BundleReader, ReadsEveryDtypeFromManyShards) {
  const BundleReader reader = BundleReader::open(*source_of(fixture_bytes("checkpoints/all_dtypes.index")), Limits{});
  ASSERT_EQ(reader.shard_count(), 2);
  const FileBytes shards[] = {fixture_bytes("checkpoints/all_dtypes.data-00000-of-00002"),
                              fixture_bytes("checkpoints/all_dtypes.data-00001-of-00002")};
  const int64_t sizes[] = {static_cast<int64_t>(shards[0].size()), static_cast<int64_t>(shards[1].size())};
  reader.check_shards(sizes);
  const auto stored = [&](const std::string& name) {
    const BundleEntry& e = reader.entry(name);
    const FileBytes& shard = shards[e.shard];
    return std::span(shard).subspan(static_cast<size_t>(e.offset), static_cast<size_t>(e.bytes));
  };
  for (const auto& [name, entry] : reader.entries()) {
    if (entry.dtype != kStringType) EXPECT_NO_THROW(reader.verify(name, stored(name))) << name;
  }
  EXPECT_EQ(reader.entries().size(), 20u);
  const auto mixed = reader.decode_strings("strings/mixed", stored("strings/mixed"), Limits{});
  EXPECT_EQ(mixed, (std::vector<std::string>{"", "größe", std::string("\xFF\0\1", 3), std::string(200, 'x')}));
  EXPECT_TRUE(reader.decode_strings("strings/none", stored("strings/none"), Limits{}).empty());
}

TEST(BundleReader, NamesWhatIsMissing) {
  const BundleReader reader =
      BundleReader::open(*source_of(fixture_bytes(variables("small_cnn") + ".index"), "v.index"), Limits{});
  try {
    reader.entry("no/such/key");
    FAIL();
  } catch (const NotFoundError& error) {
    EXPECT_NE(error.message().find("no/such/key"), std::string::npos);
    EXPECT_EQ(error.path(), "v.index");
  }
}

std::vector<OutputFile> our_bundle(const std::shared_ptr<std::vector<float>>& values) {
  BundleWriter writer;
  writer.add("b/kernel", kFloat, {2, 2}, std::as_bytes(std::span(*values)), values);
  writer.add("a/bias", kFloat, {}, std::as_bytes(std::span(*values).first(1)), values);
  writer.add("c/empty", kFloat, {0, 3}, {}, nullptr);
  const std::vector<std::string> texts = {"größe", std::string(300, 'x')};
  writer.add_strings("text", {}, std::span(texts).first(1));
  writer.add_strings("long", {}, std::span(texts).last(1));
  writer.add_strings("both", {2}, texts);
  return writer.finish("variables/variables");
}

TEST(BundleWriter, WhatItWritesIsReadBack) {
  const auto values = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  const std::vector<OutputFile> files = our_bundle(values);
  ASSERT_EQ(files.size(), 2u);
  EXPECT_EQ(files[0].path, "variables/variables.data-00000-of-00001");
  EXPECT_EQ(files[1].path, "variables/variables.index");
  const FileBytes data = bytes_of(files[0]);
  const BundleReader reader = BundleReader::open(*source_of(bytes_of(files[1])), Limits{});
  const auto stored = [&](const char* name) {
    const BundleEntry& entry = reader.entry(name);
    return std::span(data).subspan(static_cast<size_t>(entry.offset), static_cast<size_t>(entry.bytes));
  };
  EXPECT_EQ(reader.entry("b/kernel").shape, (std::vector<int64_t>{2, 2}));
  EXPECT_EQ(std::memcmp(stored("b/kernel").data(), values->data(), 16), 0);
  EXPECT_NO_THROW(reader.verify("b/kernel", stored("b/kernel")));
  EXPECT_THROW(reader.verify("b/kernel", stored("a/bias")), DataLossError);
  EXPECT_TRUE(stored("c/empty").empty());
  EXPECT_EQ(reader.decode_strings("text", stored("text"), Limits{}), std::vector<std::string>{"größe"});
  EXPECT_EQ(reader.decode_strings("long", stored("long"), Limits{}), std::vector<std::string>{std::string(300, 'x')});
  EXPECT_EQ(reader.decode_strings("both", stored("both"), Limits{}), (std::vector<std::string>{"größe", std::string(300, 'x')}));
  EXPECT_THROW(reader.decode_strings("b/kernel", stored("b/kernel"), Limits{}), DataLossError);
}

TEST(BundleReader, FindsEveryFlippedByteOfAStringTensor) {
  const std::vector<OutputFile> files = our_bundle(std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4}));
  const FileBytes data = bytes_of(files[0]);
  const BundleReader reader = BundleReader::open(*source_of(bytes_of(files[1])), Limits{});
  const BundleEntry& entry = reader.entry("text");
  const FileBytes good(data.begin() + entry.offset, data.begin() + entry.offset + entry.bytes);
  for (size_t at = 0; at < good.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      FileBytes bad = good;
      bad[at] ^= static_cast<std::byte>(1 << bit);
      EXPECT_THROW(reader.decode_strings("text", bad, Limits{}), DataLossError) << at;
    }
  }
}

TEST(SsTable, PrefixesAndManyBlocksAreReadBack) {
  for (const int count : {0, 1, 15, 16, 17, 1000}) {
    TableEntries entries;
    for (int i = 0; i < count; ++i) {
      const std::string number = std::to_string(100000 + i);
      entries.emplace_back("a/long/common/prefix/" + number, std::string(static_cast<size_t>(i * 7 % 1500), 'v') + number);
    }
    const FileBytes bytes = write_table(entries);
    EXPECT_EQ(read_table(*source_of(bytes), Limits{}), entries) << count;
    if (count == 1000) EXPECT_LT(bytes.size(), 1000u * (750 + 35)) << "prefixes are not written again";
  }
}

// --- tables by hand

std::string varint(uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  return out + static_cast<char>(value);
}

std::string entry(uint64_t shared, std::string_view key, std::string_view value) {
  return varint(shared) + varint(key.size()) + varint(value.size()) + std::string(key) + std::string(value);
}

/// A block of one restart with type and checksum.
std::string block(const std::string& entries, uint8_t type = 0, std::optional<uint32_t> restarts = {}) {
  ByteWriter out;
  out.text(entries).u32(0).u32(restarts.value_or(1)).u8(type);
  out.u32(mask_crc32c(crc32c(out.bytes)));
  return to_string(out.bytes);
}

std::string handle(uint64_t offset, const std::string& block) { return varint(offset) + varint(block.size() - 5); }

FileBytes table(const std::string& before, const std::string& index) {
  std::string footer = varint(0) + varint(0) + handle(before.size(), index);
  footer.resize(40, '\0');
  return ByteWriter().text(before).text(index).text(footer).u64(0xDB4775248B80FB57u).bytes;
}

void expect_error(const FileBytes& bytes, ErrorKind kind, std::string_view text, const Limits& limits = {}) {
  try {
    read_table(*source_of(bytes, "t.index"), limits);
    ADD_FAILURE() << "was read: " << text;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.message();
    EXPECT_NE(error.message().find(text), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("t.index"), std::string::npos) << error.message();
  }
}

TEST(SsTable, HandMadeTablesAreReadWhileTheyTellTheTruth) {
  const std::string data = block(entry(0, "ab", "1") + entry(1, "c", "2"));
  const TableEntries read = read_table(*source_of(table(data, block(entry(0, "z", handle(0, data))))), Limits{});
  EXPECT_EQ(read, (TableEntries{{"ab", "1"}, {"ac", "2"}}));
}

TEST(SsTable, BlocksThatSnappyCompressedAreRead) {
  const std::string plain = entry(0, "ab", "1") + entry(0, "bb", "2") + std::string(4, '\0') + std::string("\1\0\0\0", 4);
  ASSERT_EQ(plain.size(), 20u);
  const auto literal = [](std::string_view text) {
    return std::string(1, static_cast<char>((text.size() - 1) << 2)) + std::string(text);
  };
  const auto table_of = [](const std::string& stream) {
    ByteWriter out;
    out.text(stream).u8(1);
    out.u32(mask_crc32c(crc32c(out.bytes)));
    const std::string data = to_string(out.bytes);
    return table(data, block(entry(0, "z", handle(0, data))));
  };
  const std::string whole = varint(20) + literal(plain);
  // Bytes 13 to 15 are zeros: a copy of 3 bytes from 1 back, which reads what it writes.
  const std::string copied = varint(20) + literal(std::string_view(plain).substr(0, 13)) + std::string("\x0A\1\0", 3) +
                             literal(std::string_view(plain).substr(16));
  for (const std::string& stream : {whole, copied})
    EXPECT_EQ(read_table(*source_of(table_of(stream)), Limits{}), (TableEntries{{"ab", "1"}, {"bb", "2"}}));
  const auto expect_loss = [&](const std::string& stream, std::string_view text) {
    expect_error(table_of(stream), ErrorKind::kDataLossError, text);
  };
  expect_loss(varint(21) + literal(plain), "less than it says");
  expect_loss(varint(19) + literal(plain), "more than it says");
  expect_loss(varint(1 << 30) + literal(plain), "more than its bytes can hold");
  expect_loss(varint(20) + std::string("\x0A\1\0", 3), "before the start");
  expect_loss(varint(20) + literal("a") + std::string("\x0A\0\0", 3), "before the start");
  expect_loss(varint(20) + std::string("\xFC\xFF\xFF\xFF\xFF", 5), "needs more bytes");
  expect_loss(varint(20) + std::string("\x0B\1", 2), "needs more bytes");
  EXPECT_EQ(expect_hostile_bytes_survived(table_of(copied), [](const FileBytes& b) { read_table(*source_of(b), Limits{}); }), 0);
}

TEST(SsTable, LiesAreNamed) {
  const auto one = [](const std::string& data) { return table(data, block(entry(0, "z", handle(0, data)))); };
  expect_error(one(block(entry(0, "b", "1") + entry(0, "a", "2"))), ErrorKind::kDataLossError, "not in order");
  expect_error(one(block(entry(0, "b", "1") + entry(0, "b", "2"))), ErrorKind::kDataLossError, "not in order");
  expect_error(one(block(entry(3, "b", "1"))), ErrorKind::kDataLossError, "shares more");
  expect_error(one(block("\1", 0, 0)), ErrorKind::kDataLossError, "t.index");
  expect_error(one(block("", 0, 0xFFFFFFFF)), ErrorKind::kDataLossError, "restart array");
  expect_error(one(block(varint(0) + varint(~uint64_t{0}) + varint(1) + "x")), ErrorKind::kDataLossError, "leaves its block");
  expect_error(one(block(varint(0) + varint(1) + varint(~uint64_t{0}) + "x")), ErrorKind::kDataLossError, "leaves its block");
  expect_error(one(block(entry(0, "b", "1"), 2)), ErrorKind::kUnimplementedError, "compressed");
  expect_error(to_bytes("too short"), ErrorKind::kDataLossError, "too few");
  expect_error(FileBytes(100), ErrorKind::kDataLossError, "magic");
  const std::string outside = varint(uint64_t{1} << 50) + varint(10), huge = varint(0) + varint(~uint64_t{0});
  expect_error(table("", block(entry(0, "z", outside))), ErrorKind::kDataLossError, "outside the file");
  expect_error(table("", block(entry(0, "z", huge))), ErrorKind::kDataLossError, "outside the file");
}

TEST(SsTable, RestartPointsMustBeEntriesWithWholeKeys) {
  const auto with_restarts = [](const std::string& entries, const std::vector<uint32_t>& places) {
    ByteWriter out;
    out.text(entries);
    for (const uint32_t place : places) out.u32(place);
    out.u32(static_cast<uint32_t>(places.size())).u8(0);
    out.u32(mask_crc32c(crc32c(out.bytes)));
    const std::string data = to_string(out.bytes);
    return table(data, block(entry(0, "z", handle(0, data))));
  };
  const std::string first = entry(0, "ab", "1"), second = entry(0, "ac", "2"), shared = entry(1, "d", "3");
  const auto at = static_cast<uint32_t>(first.size());
  const auto behind = static_cast<uint32_t>(first.size() + second.size());
  const auto read = [&](const std::vector<uint32_t>& places) {
    return read_table(*source_of(with_restarts(first + second + shared, places)), Limits{}).size();
  };
  EXPECT_EQ(read({0}), 3u);
  EXPECT_EQ(read({0, at}), 3u);
  const auto refused = [&](const std::vector<uint32_t>& places, std::string_view text) {
    expect_error(with_restarts(first + second + shared, places), ErrorKind::kDataLossError, text);
  };
  refused({}, "does not begin");
  refused({at}, "does not begin");
  refused({0, 1}, "no entry begins");
  refused({0, at, at}, "no entry begins");
  refused({0, 0xFFFFFFFF}, "no entry begins");
  refused({0, at, behind}, "should be whole");
  expect_error(with_restarts("", {1}), ErrorKind::kDataLossError, "does not begin");
}

TEST(SsTable, BlocksThatAreNamedTwiceOrNameThemselvesAreRefused) {
  const std::string data = block(entry(0, "a", std::string(1000, 'v')));
  std::string handles;
  for (int i = 0; i < 1000; ++i) handles += entry(0, "k" + std::to_string(i), handle(0, data));
  expect_error(table(data, block(handles)), ErrorKind::kDataLossError, "overlap");
}

TEST(SsTable, KeysThatGrowByPrefixesAreLimited) {
  std::string entries = entry(0, std::string(1 << 20, 'k'), "");
  for (uint64_t i = 0; i < 2000; ++i) entries += entry((1 << 20) + i, "k", "");
  const std::string data = block(entries);
  expect_error(table(data, block(entry(0, "z", handle(0, data)))), ErrorKind::kResourceExhaustedError, "metadataBytes");
}

FileBytes bundle_index(const std::vector<std::pair<std::string, tensorflow::BundleEntryProto>>& entries, int shards = 1,
                       bool big_endian = false) {
  tensorflow::BundleHeaderProto header;
  header.set_num_shards(shards);
  if (big_endian) header.set_endianness(tensorflow::BundleHeaderProto::BIG);
  TableEntries rows = {{"", header.SerializeAsString()}};
  for (const auto& [name, proto] : entries) rows.emplace_back(name, proto.SerializeAsString());
  return write_table(rows);
}

tensorflow::BundleEntryProto value(int64_t offset, int64_t bytes, int shard = 0) {
  tensorflow::BundleEntryProto proto;
  proto.set_dtype(tensorflow::DT_UINT8);
  proto.mutable_shape()->add_dim()->set_size(std::max<int64_t>(bytes, 0));
  proto.set_offset(offset);
  proto.set_size(bytes);
  proto.set_shard_id(shard);
  return proto;
}

TEST(BundleHostile, EntriesThatOverlapOrLeaveTheirShardAreRefused) {
  const auto check = [](const FileBytes& index, std::vector<int64_t> sizes) {
    BundleReader::open(*source_of(index), Limits{}).check_shards(sizes);
  };
  EXPECT_NO_THROW(check(bundle_index({{"a", value(0, 8)}, {"b", value(8, 8)}, {"c", value(8, 0)}}), {16}));
  EXPECT_THROW(check(bundle_index({{"a", value(0, 8)}, {"b", value(7, 8)}}), {16}), DataLossError);
  EXPECT_THROW(check(bundle_index({{"a", value(0, 8)}, {"b", value(0, 8)}}), {16}), DataLossError);
  EXPECT_NO_THROW(check(bundle_index({{"a", value(0, 8)}, {"b", value(0, 8, 1)}}, 2), {16, 16}));
  EXPECT_THROW(check(bundle_index({{"a", value(0, 17)}}), {16}), DataLossError);
  EXPECT_THROW(check(bundle_index({{"a", value(INT64_MAX, 1)}}), {16}), DataLossError);
  EXPECT_THROW(check(bundle_index({{"a", value(-1, 1)}}), {16}), DataLossError);
  EXPECT_THROW(check(bundle_index({{"a", value(0, -1)}}), {16}), DataLossError);
  EXPECT_THROW(check(bundle_index({{"a", value(0, 1, 1)}}), {16}), DataLossError);
  EXPECT_THROW(check(bundle_index({{"a", value(0, int64_t{1} << 40)}}), {int64_t{1} << 41}), ResourceExhaustedError);
  tensorflow::BundleEntryProto unlike = value(0, 8);
  for (const auto dtype : {tensorflow::DT_FLOAT, tensorflow::DT_HALF, tensorflow::DT_COMPLEX128, tensorflow::DT_QINT32}) {
    unlike.set_dtype(dtype);
    EXPECT_THROW(check(bundle_index({{"a", unlike}}), {16}), DataLossError) << "8 elements are not 8 bytes";
  }
  unlike.mutable_shape()->add_dim()->set_size(INT64_MAX);
  EXPECT_THROW(check(bundle_index({{"a", unlike}}), {16}), DataLossError);
  EXPECT_THROW(check(bundle_index({}, 1 << 30), {}), DataLossError);
  EXPECT_THROW(check(bundle_index({}, -1), {}), DataLossError);
}

TEST(BundleHostile, DimensionsThatNoFileHoldsAreRefused) {
  const auto open = [](tensorflow::DataType dtype, std::vector<int64_t> dims, int64_t bytes) {
    tensorflow::BundleEntryProto entry;
    entry.set_dtype(dtype);
    for (const int64_t dim : dims) entry.mutable_shape()->add_dim()->set_size(dim);
    entry.set_size(bytes);
    return BundleReader::open(*source_of(bundle_index({{"a", entry}})), Limits{});
  };
  constexpr int64_t kHuge = int64_t{1} << 60;
  for (const int64_t bytes : {int64_t{0}, int64_t{8}}) {
    for (const std::vector<int64_t>& dims : {std::vector<int64_t>{kHuge}, {kHuge, kHuge}, {kHuge, 16}, {kHuge, kHuge, 0}, {-1}})
      EXPECT_THROW(open(tensorflow::DT_FLOAT, dims, bytes), DataLossError) << dims.size() << " " << bytes;
  }
  EXPECT_EQ(open(tensorflow::DT_FLOAT, {0, kHuge}, 0).entries().size(), 1u) << "no elements";
  // Of strings the number is held against the bytes when they are decoded.
  for (const std::vector<int64_t>& dims : {std::vector<int64_t>{kHuge}, {kHuge, 16}, {9}}) {
    const BundleReader reader = open(tensorflow::DT_STRING, dims, 8);
    EXPECT_FALSE(survives([&] { reader.decode_strings("a", FileBytes(8), Limits{}); }, "strings")) << dims[0];
  }
}

TEST(BundleHostile, SlicesMustMakeTheWhole) {
  const auto sliced = [](std::vector<std::pair<int64_t, int64_t>> rows) {
    tensorflow::BundleEntryProto entry;
    entry.set_dtype(tensorflow::DT_FLOAT);
    entry.mutable_shape()->add_dim()->set_size(4);
    for (const auto& [start, length] : rows) {
      auto& extent = *entry.add_slices()->add_extent();
      extent.set_start(start);
      extent.set_length(length);
    }
    return entry;
  };
  const auto open = [](const tensorflow::BundleEntryProto& entry) {
    return BundleReader::open(*source_of(bundle_index({{"a", entry}})), Limits{});
  };
  // A gap, an overlap, out of the shape on either side, lengths that overflow, nothing.
  EXPECT_THROW(open(sliced({{0, 1}, {2, 2}})), DataLossError);
  EXPECT_THROW(open(sliced({{0, 3}, {2, 1}})), DataLossError);
  EXPECT_THROW(open(sliced({{-1, 4}})), DataLossError);
  EXPECT_THROW(open(sliced({{2, 4}})), DataLossError);
  EXPECT_THROW(open(sliced({{4, INT64_MAX}})), DataLossError);
  EXPECT_THROW(open(sliced({{0, 0}})), DataLossError);
  // The whole, but no entries that hold it; of another rank; too many; larger than the limit.
  EXPECT_THROW(open(sliced({{0, 4}})), DataLossError);
  tensorflow::BundleEntryProto flat = sliced({{0, 4}});
  flat.mutable_slices(0)->clear_extent();
  EXPECT_THROW(open(flat), DataLossError);
  EXPECT_THROW(open(sliced(std::vector<std::pair<int64_t, int64_t>>(2000, {0, 1}))), ResourceExhaustedError);
  tensorflow::BundleEntryProto large = sliced({{0, 4}});
  large.mutable_shape()->mutable_dim(0)->set_size(INT64_MAX);
  EXPECT_THROW(open(large), ResourceExhaustedError);
}

TEST(BundleHostile, WhatIsNotSupportedIsNamed) {
  EXPECT_THROW(BundleReader::open(*source_of(bundle_index({}, 1, true)), Limits{}), UnimplementedError);
  tensorflow::BundleHeaderProto newer;
  newer.set_num_shards(1);
  newer.mutable_version()->set_min_consumer(2);
  EXPECT_THROW(BundleReader::open(*source_of(write_table({{"", newer.SerializeAsString()}})), Limits{}), UnimplementedError);
  EXPECT_THROW(BundleReader::open(*source_of(write_table({})), Limits{}), DataLossError);
  EXPECT_THROW(BundleReader::open(*source_of(write_table({{"a", "b"}})), Limits{}), DataLossError);
}

TEST(BundleHostile, IndexesCutFlippedAndBentEverywhere) {
  const auto parse = [](const FileBytes& bytes) {
    const BundleReader reader = BundleReader::open(*source_of(bytes), Limits{});
    const int64_t size = 1000;
    reader.check_shards(std::vector<int64_t>(static_cast<size_t>(reader.shard_count()), size));
  };
  const FileBytes ours = bytes_of(our_bundle(std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4}))[1]);
  EXPECT_EQ(expect_hostile_bytes_survived(ours, parse), 0);
  expect_hostile_fields_survived(ours, parse);
  EXPECT_EQ(expect_hostile_bytes_survived(fixture_bytes(variables("train_adam_mse") + ".index"), parse), 0);
}

}  // namespace
}  // namespace keras
