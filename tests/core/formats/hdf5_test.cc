// HDF5 files written by h5py (tests/fixtures/make_hdf5.py) and by ourselves; what is refused is refused by name.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "core/formats/hdf5/checksum.h"
#include "core/formats/hdf5/hdf5_reader.h"
#include "core/formats/hdf5/hdf5_writer.h"
#include "tests/core/formats/support.h"

namespace keras::hdf5 {
namespace {

using namespace keras::testing;

Reader open(const std::string& name) { return Reader::open(source_of(fixture_bytes("hdf5/" + name), name), Limits{}); }

const Dataset& dataset(const Reader& reader, const std::string& path) {
  const Object& object = reader.at(path);
  if (!object.dataset) throw RuntimeError("no dataset: {}", path);
  return *object.dataset;
}

FileBytes contents(const Reader& reader, const std::string& path) {
  const Dataset& data = dataset(reader, path);
  FileBytes bytes(static_cast<size_t>(data.size_bytes()));
  reader.read(data, path, bytes);
  return bytes;
}

double half(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double value = exponent == 0 ? std::ldexp(mantissa, -24) : std::ldexp(mantissa + 1024, exponent - 25);
  return bits >> 15 != 0 ? -value : value;
}

std::vector<double> numbers(const Reader& reader, const std::string& path) {
  const Dataset& data = dataset(reader, path);
  const FileBytes bytes = contents(reader, path);
  std::vector<double> result;
  for (size_t at = 0; at < bytes.size(); at += static_cast<size_t>(data.type.bytes)) {
    uint64_t bits = 0;
    std::memcpy(&bits, bytes.data() + at, static_cast<size_t>(data.type.bytes));
    const int unused = 64 - static_cast<int>(data.type.bytes) * 8;
    if (data.type.type_class == TypeClass::kFloat) {
      result.push_back(data.type.bytes == 2   ? half(static_cast<uint16_t>(bits))
                       : data.type.bytes == 4 ? std::bit_cast<float>(static_cast<uint32_t>(bits))
                                              : std::bit_cast<double>(bits));
    } else if (data.type.is_signed) {
      result.push_back(static_cast<double>(static_cast<int64_t>(bits << unused) >> unused));
    } else {
      result.push_back(static_cast<double>(bits));
    }
  }
  return result;
}

/// The formula of make_hdf5.py.
std::vector<double> expected(size_t count, bool is_signed = true) {
  std::vector<double> values;
  for (size_t i = 0; i < count; ++i) values.push_back(static_cast<double>(7 * i % 101) - (is_signed ? 20 : 0));
  return values;
}

std::vector<std::string> strings(const Reader& reader, const std::string& path, const char* name) {
  const Attribute* attribute = reader.at(path).attribute(name);
  if (attribute == nullptr) throw RuntimeError("no attribute: {}", name);
  return reader.strings(*attribute);
}

TEST(Hdf5Reader, ReadsEveryNumericTypeInBothByteOrders) {
  const Reader reader = open("types.h5");
  for (const char* type : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}) {
    for (const std::string order : {"little_", "big_"}) {
      if (order == "big_" && type[1] == '1') continue;
      const std::string name = order + type;
      const Dataset& data = dataset(reader, name);
      EXPECT_EQ(data.shape, (std::vector<int64_t>{3, 5})) << name;
      EXPECT_EQ(data.type.type_class, type[0] == 'f' ? TypeClass::kFloat : TypeClass::kInteger) << name;
      EXPECT_EQ(data.type.bytes, type[1] - '0') << name;
      EXPECT_EQ(data.type.big_endian, order == "big_") << name;
      EXPECT_EQ(numbers(reader, name), expected(15, type[0] != 'u')) << name;
      EXPECT_EQ(reader.plain_offset(data).has_value(), order == "little_") << name;
    }
  }
}

TEST(Hdf5Reader, ReadsBoolsScalarsAndEmptyDatasets) {
  const Reader reader = open("types.h5");
  EXPECT_EQ(dataset(reader, "bool").type.type_class, TypeClass::kBoolean);
  EXPECT_EQ(numbers(reader, "bool"), (std::vector<double>{1, 0, 1}));
  EXPECT_TRUE(dataset(reader, "scalar").shape.empty());
  EXPECT_EQ(numbers(reader, "scalar"), std::vector<double>{2.5});
  EXPECT_EQ(dataset(reader, "empty").shape, (std::vector<int64_t>{0, 4}));
  EXPECT_TRUE(contents(reader, "empty").empty());
  EXPECT_TRUE(contents(reader, "null").empty());
  EXPECT_EQ(numbers(reader, "unwritten"), std::vector<double>(4, 0.0));
}

TEST(Hdf5Reader, PlainOffsetIsWhereTheValuesLie) {
  for (const char* file : {"types.h5", "user_block.h5"}) {
    const Reader reader = open(file);
    const std::string path = std::string(file) == "types.h5" ? "little_f4" : "a/b/x";
    const auto offset = reader.plain_offset(dataset(reader, path));
    ASSERT_TRUE(offset) << file;
    EXPECT_EQ(reader.source().ByteSource::read(*offset, 60), contents(reader, path)) << file;
  }
}

TEST(Hdf5Reader, ReadsStringAttributesOfAllKinds) {
  const Reader reader = open("attributes.h5");
  EXPECT_EQ(strings(reader, "", "text"), std::vector<std::string>{"a text"});
  EXPECT_EQ(strings(reader, "", "unicode"), std::vector<std::string>{"größe 数"});
  EXPECT_EQ(strings(reader, "", "empty_text"), std::vector<std::string>{""});
  EXPECT_EQ(strings(reader, "", "fixed"), std::vector<std::string>{"fixed"});
  EXPECT_EQ(strings(reader, "", "list"), (std::vector<std::string>{"one", "", "three"}));
  EXPECT_EQ(strings(reader, "", "fixed_list"), (std::vector<std::string>{"ab", "c", "defg"}));
  EXPECT_TRUE(strings(reader, "", "no_names").empty());
  EXPECT_EQ(strings(reader, "", "long"), std::vector<std::string>{std::string(60000, 'x')});
  EXPECT_EQ(strings(reader, "a/b/c", "deep"), std::vector<std::string>{"yes"});
  EXPECT_THROW(strings(reader, "", "number"), DataLossError);
}

TEST(Hdf5Reader, ReadsNumericAttributes) {
  const Reader reader = open("attributes.h5");
  const Attribute& number = *reader.root().attribute("number");
  EXPECT_TRUE(number.shape.empty());
  EXPECT_EQ(number.data.size(), 8u);
  EXPECT_EQ(std::to_integer<int>(number.data[0]), 42);
  const Attribute& array = *reader.root().attribute("array");
  EXPECT_EQ(array.shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(array.type.type_class, TypeClass::kFloat);
  EXPECT_EQ(array.data.size(), 24u);
}

TEST(Hdf5Reader, FindsPathsAndNamesThoseThatAreMissing) {
  const Reader reader = open("attributes.h5");
  EXPECT_EQ(numbers(reader, "a/b/c/d"), expected(2));
  EXPECT_EQ(numbers(reader, "/a//b/c/d"), expected(2));
  EXPECT_EQ(reader.find("a/x"), nullptr);
  EXPECT_EQ(reader.find("a/b/c/d/e"), nullptr);
  try {
    reader.at("a/x/y");
    FAIL();
  } catch (const NotFoundError& error) {
    EXPECT_NE(error.message().find("a/x/y"), std::string::npos);
    EXPECT_EQ(error.path(), "attributes.h5");
  }
}

TEST(Hdf5Reader, ReadsGroupsOfSeveralSymbolTableNodes) {
  const Reader reader = open("groups.h5");
  EXPECT_EQ(reader.root().links.size(), 40u);
  for (int i = 0; i < 40; ++i) {
    const std::string path = "group_" + std::string(i < 10 ? "0" : "") + std::to_string(i) + "/x";
    EXPECT_EQ(numbers(reader, path), std::vector<double>{static_cast<double>(i)}) << path;
  }
}

TEST(Hdf5Reader, ReadsChunksThroughEveryFilter) {
  const Reader reader = open("chunks.h5");
  for (const char* name : {"plain", "gzip", "shuffle", "fletcher32", "all", "big_endian"}) {
    EXPECT_EQ(dataset(reader, name).layout, Dataset::Layout::kChunked);
    EXPECT_EQ(numbers(reader, name), expected(13 * 9)) << name;
  }
  EXPECT_EQ(numbers(reader, "odd"), expected(5 * 3 * 7));
  EXPECT_EQ(numbers(reader, "larger_chunk"), expected(3));
  EXPECT_EQ(numbers(reader, "many"), expected(200));
  EXPECT_EQ(numbers(reader, "sparse"), (std::vector<double>{0, 0, 0, 0, 1, 2, 0, 0}));
  EXPECT_EQ(numbers(reader, "unwritten"), std::vector<double>(8, 0.0));
}

TEST(Hdf5Reader, ReadsFiltersInEveryOrder) {
  const Reader reader = open("filters.h5");
  for (const char* name :
       {"shuffle_deflate_fletcher32", "fletcher32_shuffle_deflate", "shuffle_fletcher32_deflate", "shuffle_fletcher32",
        "fletcher32_shuffle", "deflate_shuffle", "deflate_fletcher32", "fletcher32_deflate", "deflate_fletcher32_shuffle"}) {
    EXPECT_EQ(numbers(reader, name), expected(20 * 16)) << name;
  }
  for (const char* name : {"large_shuffle", "large", "large_big_endian"})
    EXPECT_EQ(numbers(reader, name), expected(50000)) << name;
  EXPECT_EQ(numbers(reader, "bytes"), expected(300));
  EXPECT_EQ(numbers(reader, "all_ones"), std::vector<double>(700, -1)) << "its checksums are multiples of 65535, and not 0";
}

/// The ranges of a dataset, decoded in pieces of `piece` bytes.
FileBytes decoded(const Reader& reader, const std::string& path, size_t piece) {
  const Dataset& data = dataset(reader, path);
  FileBytes bytes(static_cast<size_t>(data.size_bytes()));
  for (const StoredRange& range : reader.stored_ranges(data, path, bytes)) {
    const FileBytes stored = reader.source().ByteSource::read(range.offset, range.bytes);
    for (size_t at = 0; at < stored.size(); at += piece)
      range.decode(std::span(stored).subspan(at, std::min(piece, stored.size() - at)));
  }
  return bytes;
}

TEST(Hdf5Reader, ChunksAreDecodedInPiecesOfAnySize) {
  for (const char* file : {"filters.h5", "chunks.h5"}) {
    const Reader reader = open(file);
    for (const auto& [name, address] : reader.root().links) {
      const FileBytes whole = contents(reader, name);
      for (const size_t piece : {1, 3, 7, 1000}) {
        if (piece < 1000 && whole.size() > 100'000) continue;
        EXPECT_EQ(decoded(reader, name, piece), whole) << file << ' ' << name << ' ' << piece;
      }
    }
  }
}

TEST(Hdf5Reader, ElementsAreConvertedOnTheirWayFromPiecesOfAnySize) {
  for (const char* file : {"filters.h5", "chunks.h5", "edges.h5", "old_layouts.h5", "types.h5"}) {
    const Reader reader = open(file);
    for (const auto& [name, address] : reader.root().links) {
      const Object& object = reader.at(name);
      if (!object.dataset || object.dataset->layout == Dataset::Layout::kCompact || object.dataset->elements() == 0) continue;
      const int64_t bytes = object.dataset->type.bytes;
      if (bytes == 0 || bytes > 8) continue;
      // Each element becomes sixteen bytes: its own, and zeros.
      const Conversion conversion{16, [bytes](const std::byte* from, std::byte* to, int64_t count) {
                                    for (int64_t i = 0; i < count; ++i) {
                                      std::fill_n(to + 16 * i, 16, std::byte{0});
                                      std::copy_n(from + bytes * i, bytes, to + 16 * i);
                                    }
                                  }};
      const FileBytes plain = contents(reader, name);
      FileBytes expected(static_cast<size_t>(16 * object.dataset->elements()));
      conversion.convert(plain.data(), expected.data(), object.dataset->elements());
      for (const size_t piece : {1, 3, 1000}) {
        if (piece < 1000 && plain.size() > 100'000) continue;
        FileBytes out(expected.size());
        for (const StoredRange& range : reader.stored_ranges(*object.dataset, name, out, conversion)) {
          const FileBytes stored = reader.source().ByteSource::read(range.offset, range.bytes);
          for (size_t at = 0; at < stored.size(); at += piece)
            range.decode(std::span(stored).subspan(at, std::min(piece, stored.size() - at)));
        }
        EXPECT_EQ(out, expected) << file << ' ' << name << ' ' << piece;
      }
    }
  }
}

/// Refuses to be read once it has been told.
class ClosedSource final : public ByteSource {
 public:
  explicit ClosedSource(FileBytes bytes) : inner_("closed", std::move(bytes)) {}
  const std::string& name() const override { return inner_.name(); }
  int64_t size_bytes() const override { return inner_.size_bytes(); }
  void read(int64_t offset, std::span<std::byte> out) const override {
    if (closed) throw RuntimeError("a read of {} bytes at {}", out.size(), offset);
    inner_.read(offset, out);
  }

  bool closed = false;

 private:
  MemorySource inner_;
};

TEST(Hdf5Reader, ChunksArePlannedWithoutReadingThem) {
  const auto source = std::make_shared<ClosedSource>(fixture_bytes("hdf5/filters.h5"));
  const Reader reader = Reader::open(source, Limits{});
  const Dataset& data = dataset(reader, "large");
  source->closed = true;
  FileBytes bytes(static_cast<size_t>(data.size_bytes()));
  const std::vector<StoredRange> ranges = reader.stored_ranges(data, "large", bytes);
  ASSERT_EQ(ranges.size(), data.chunks.size());
  for (size_t i = 0; i < ranges.size(); ++i) {
    EXPECT_EQ(ranges[i].offset, data.chunks[i].offset);
    EXPECT_EQ(ranges[i].bytes, data.chunks[i].bytes);
  }
}

TEST(Hdf5Reader, ReadsEdgeChunksWithoutFilters) {
  const Reader reader = open("edges.h5");
  for (const char* name : {"fixed", "extensible", "tree"}) {
    const Dataset& data = dataset(reader, name);
    const auto plain = std::ranges::count_if(data.chunks, [](const Chunk& chunk) { return chunk.bytes == 4 * 4 * 4; });
    EXPECT_EQ(plain, 6) << name << ": those over the edges of 13 and 9 elements";
    EXPECT_EQ(numbers(reader, name), expected(13 * 9)) << name;
  }
}

TEST(Hdf5Reader, ReadsCompactDatasets) {
  const Reader reader = open("compact.h5");
  EXPECT_EQ(dataset(reader, "compact").layout, Dataset::Layout::kCompact);
  EXPECT_EQ(numbers(reader, "compact"), expected(4));
}

TEST(Hdf5Reader, ReadsNewLibraryVersionsAndUserBlocks) {
  for (const char* file : {"latest.h5", "v108.h5", "user_block.h5"}) {
    const Reader reader = open(file);
    EXPECT_EQ(strings(reader, "", "text"), std::vector<std::string>{"a text"}) << file;
    EXPECT_EQ(strings(reader, "", "list"), (std::vector<std::string>{"one", "two"})) << file;
    EXPECT_EQ(numbers(reader, "a/b/x"), expected(15)) << file;
  }
}

TEST(Hdf5Reader, ReadsDenseLinksAndAttributes) {
  const Reader reader = open("dense.h5");
  EXPECT_EQ(reader.at("links").links.size(), 100u);
  const auto padded = [](int i) { return (i < 10 ? "0" : "") + std::to_string(i); };
  for (int i = 0; i < 100; ++i) EXPECT_EQ(numbers(reader, "links/link_" + padded(i)), expected(3)) << i;
  const Object& ordered = reader.at("ordered");
  EXPECT_EQ(ordered.links.size(), 20u);
  EXPECT_EQ(ordered.attributes.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    const Attribute* number = ordered.attribute("number_" + padded(19 - i));
    ASSERT_NE(number, nullptr) << i;
    ASSERT_EQ(number->data.size(), 4u);
    EXPECT_EQ(std::to_integer<int>(number->data[0]), i);
    EXPECT_EQ(strings(reader, "", ("text_" + padded(i)).c_str()), std::vector<std::string>{"text " + std::to_string(i)});
  }
  EXPECT_EQ(strings(reader, "", "huge"), std::vector<std::string>{std::string(5000, 'x')});
}

TEST(Hdf5Reader, ReadsEveryChunkIndex) {
  for (const char* file : {"indexes.h5", "indexes_v110.h5"}) {
    const Reader reader = open(file);
    for (const char* name : {"single", "single_gzip", "implicit", "fixed", "fixed_gzip", "fixed_max", "extensible",
                             "extensible_gzip", "extensible_second", "tree", "tree_gzip"}) {
      EXPECT_EQ(dataset(reader, name).layout, Dataset::Layout::kChunked);
      EXPECT_EQ(numbers(reader, name), expected(13 * 9)) << file << ' ' << name;
    }
    EXPECT_EQ(numbers(reader, "fixed_pages"), expected(1100)) << file;
    EXPECT_EQ(numbers(reader, "extensible_many"), expected(700)) << file;
    EXPECT_EQ(numbers(reader, "sparse"), (std::vector<double>{7, 7, 7, 7, 1, 2, 7, 7})) << file;
  }
}

TEST(Hdf5Reader, FollowsSoftLinksInsideTheFile) {
  for (const char* file : {"links.h5", "links_latest.h5"}) {
    const Reader reader = open(file);
    for (const char* path : {"a/near", "far/x", "twice", "./a/b/x"}) EXPECT_EQ(numbers(reader, path), expected(15)) << path;
    EXPECT_EQ(reader.find("nowhere"), nullptr);
    EXPECT_THROW(reader.find("loop"), DataLossError);
  }
}

TEST(Hdf5Reader, ReadsCommittedTypesAndFillValues) {
  for (const char* file : {"links.h5", "links_latest.h5"}) {
    const Reader reader = open(file);
    EXPECT_EQ(numbers(reader, "committed"), std::vector<double>(4, 2.5));
    const Attribute* half = reader.at("committed").attribute("half");
    ASSERT_NE(half, nullptr);
    EXPECT_EQ(half->type.type_class, TypeClass::kFloat);
    EXPECT_EQ(half->data.size(), 4u);
  }
}

TEST(Hdf5Checksum, IsTheOneOfTheAuthorsTestProgram) {  // lookup3.c, driver5: hashlittle of "" and of a text
  EXPECT_EQ(lookup3({}), 0xDEADBEEFu);
  EXPECT_EQ(lookup3(to_bytes("Four score and seven years ago")), 0x17770551u);
}

class Refused : public ::testing::TestWithParam<std::pair<const char*, const char*>> {};
INSTANTIATE_TEST_SUITE_P(Features, Refused,
                         ::testing::Values(std::pair{"filter", "filter 32000"}, std::pair{"scale_offset", "filter 6"},
                                           std::pair{"external_link", "external link"},
                                           std::pair{"external_data", "in another file"},
                                           std::pair{"virtual", "virtual dataset"}),
                         [](const auto& info) { return std::string(info.param.first); });

TEST_P(Refused, ByName) {
  const std::string file = std::string("refused_") + GetParam().first + ".h5";
  try {
    open(file).find("x");
    FAIL() << "was read";
  } catch (const UnimplementedError& error) {
    EXPECT_NE(error.message().find(GetParam().second), std::string::npos) << error.message();
    EXPECT_NE(error.message().find(file), std::string::npos) << error.message();
  }
}

TEST(Hdf5Reader, ReadsLayoutsOfLibrariesBefore16) {
  const Reader reader = open("old_layouts.h5");
  for (const char* version : {"1", "2"}) {
    EXPECT_EQ(numbers(reader, std::string("contiguous_") + version), expected(5)) << version;
    EXPECT_EQ(numbers(reader, std::string("chunked_") + version), expected(9)) << version;
  }
}

TEST(Hdf5Reader, KeepsTheBitsOfBfloat16AndTellsPaddedIntegers) {
  const Reader reader = open("odd_types.h5");
  for (const char* name : {"opaque", "bfloat16"}) {
    EXPECT_EQ(dataset(reader, name).type.type_class, TypeClass::kOpaque) << name;
    EXPECT_EQ(contents(reader, name), to_bytes(std::string("\x80\x3f\x20\xc1"))) << name;
  }
  EXPECT_EQ(dataset(reader, "padded").type.type_class, TypeClass::kOther);
}

TEST(Hdf5Reader, AnExternalLinkLeavesItsNeighboursReadable) {
  const Reader reader = open("refused_external_link_beside.h5");
  EXPECT_EQ(numbers(reader, "group/y"), expected(4));
  EXPECT_THROW(reader.find("group/x"), UnimplementedError);
  EXPECT_EQ(reader.find("group/z"), nullptr);
}

TEST(Hdf5Reader, TellsElementsThatAreNoNumbers) {
  const Reader reader = open("refused_compound.h5");
  EXPECT_EQ(dataset(reader, "x").type.type_class, TypeClass::kOther);
}

TEST(Hdf5Reader, RefusesWhatIsNoHdf5) {
  EXPECT_THROW(Reader::open(source_of(to_bytes("no such file")), Limits{}), DataLossError);
  EXPECT_THROW(Reader::open(source_of({}), Limits{}), DataLossError);
  FileBytes bytes = fixture_bytes("hdf5/types.h5");
  bytes[8] = std::byte{9};
  EXPECT_THROW(Reader::open(source_of(bytes), Limits{}), UnimplementedError);
}

TEST(Hdf5Reader, FindsChangedValuesByFletcher32) {
  FileBytes bytes = fixture_bytes("hdf5/chunks.h5");
  const Dataset data = dataset(open("chunks.h5"), "fletcher32");
  bytes[static_cast<size_t>(data.chunks.at(1).offset)] ^= std::byte{1};
  const Reader reader = Reader::open(source_of(bytes), Limits{});
  EXPECT_THROW(contents(reader, "fletcher32"), DataLossError);
}

TEST(Hdf5Reader, GoesOnWhereBytesWereMissing) {
  const FileBytes bytes = fixture_bytes("hdf5/groups.h5");
  const auto source = std::make_shared<BlockSource>("groups.h5", static_cast<int64_t>(bytes.size()));
  std::optional<Reader> reader;
  int asked = 0;
  for (;; ++asked) {
    try {
      if (!reader) reader = Reader::open(source, Limits{});
      EXPECT_EQ(numbers(*reader, "group_39/x"), std::vector<double>{39});
      break;
    } catch (const NeedBytes& need) {
      source->add(need.offset, std::span(bytes).subspan(static_cast<size_t>(need.offset), static_cast<size_t>(need.count)));
    }
  }
  EXPECT_GT(asked, 0);
}

TEST(Hdf5Checksum, OfFletcherTakesPiecesAndKeepsSumsThatAreNotZero) {
  const auto sum = [](std::initializer_list<const char*> pieces) {
    Fletcher32 whole;
    for (const char* piece : pieces) whole.add(to_bytes(piece));
    return whole.value();
  };
  // By hand: words 0x6162 0x6364 0x6500; sums 0x6162, 0xC4C6, 0x129C6 → 0x29C7 and 0x6162, 0x12628 → 0x2629, 0x4FF0.
  EXPECT_EQ(sum({"abcde"}), 0x4FF029C7u);
  EXPECT_EQ(sum({"a", "bc", "", "de"}), 0x4FF029C7u);
  EXPECT_EQ(sum({}), 0u);
  EXPECT_EQ(sum({"\xFF\xFF"}), 0xFFFFFFFFu) << "65535 is 0 modulo 65535, but HDF5 keeps it";
}

TEST(Hdf5Writer, WhatItWritesIsReadBack) {
  const auto values = std::make_shared<std::vector<float>>(std::vector<float>{1, -2, 3.5f, 4, 5, 6});
  WriterGroup root;
  root.set_attribute("text", "größe");
  root.set_attribute("empty", std::string());
  root.set_attribute("names", std::vector<std::string>{"a", "", std::string(5000, 'y')});
  root.set_attribute("none", std::vector<std::string>{});
  root.set_fixed_attribute("fixed", {"ab", "", "cde"}, 3);
  root.at("deep/er").set_attribute("x", "y");
  const Type type{TypeClass::kFloat, 4, false, true};
  root.add_dataset("deep/er/data", type, {2, 3}, std::as_bytes(std::span(*values)), values);
  root.add_dataset("empty", type, {0, 3}, {}, nullptr);
  root.add_dataset("scalar", type, {}, std::as_bytes(std::span(*values).first(1)), values);
  for (int i = 0; i < 500; ++i) root.group("many").group("g" + std::to_string(i)).set_attribute("i", std::to_string(i));
  const Reader reader = Reader::open(source_of(bytes_of(write_file("x.h5", root))), Limits{});
  EXPECT_EQ(strings(reader, "", "text"), std::vector<std::string>{"größe"});
  EXPECT_EQ(strings(reader, "", "empty"), std::vector<std::string>{""});
  EXPECT_EQ(strings(reader, "", "names"), (std::vector<std::string>{"a", "", std::string(5000, 'y')}));
  EXPECT_TRUE(strings(reader, "", "none").empty());
  EXPECT_EQ(strings(reader, "", "fixed"), (std::vector<std::string>{"ab", "", "cde"}));
  EXPECT_EQ(reader.root().attribute("fixed")->type.type_class, TypeClass::kFixedString);
  EXPECT_EQ(reader.root().attribute("fixed")->type.bytes, 3);
  EXPECT_EQ(strings(reader, "deep/er", "x"), std::vector<std::string>{"y"});
  EXPECT_EQ(numbers(reader, "deep/er/data"), (std::vector<double>{1, -2, 3.5, 4, 5, 6}));
  EXPECT_EQ(dataset(reader, "empty").shape, (std::vector<int64_t>{0, 3}));
  EXPECT_EQ(numbers(reader, "scalar"), std::vector<double>{1});
  for (int i = 0; i < 500; ++i) {
    EXPECT_EQ(strings(reader, "many/g" + std::to_string(i), "i"), std::vector<std::string>{std::to_string(i)});
  }
}

}  // namespace
}  // namespace keras::hdf5
