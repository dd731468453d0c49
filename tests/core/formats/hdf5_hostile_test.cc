// Broken and malicious HDF5 files: a typed error or a file that can be read, never a crash, a hang or memory without end.
#include <cstring>

#include "core/formats/hdf5/checksum.h"
#include "core/formats/hdf5/hdf5_reader.h"
#include "core/formats/hdf5/hdf5_writer.h"
#include "tests/core/formats/support.h"

namespace keras::hdf5 {
namespace {

using namespace keras::testing;

/// Runs `parse`. What it finds broken must have a place in the file.
template <class F>
void naming_the_place(F&& parse) {
  try {
    parse();
  } catch (const DataLossError& error) {
    EXPECT_GE(error.offset(), 0) << error.message();
    throw;
  }
}

constexpr int64_t kLargest = 1 << 24;  // what a test allocates for the elements of one dataset

/// Reads all that can be reached, to a depth that real files do not have.
void read_all(const Reader& reader, const std::string& path, int depth) {
  const Object& object = reader.at(path);
  for (const Attribute& attribute : object.attributes) {
    if (attribute.type.type_class == TypeClass::kFixedString || attribute.type.type_class == TypeClass::kVlenString)
      survives([&] { naming_the_place([&] { reader.strings(attribute); }); }, path);
  }
  if (object.dataset && object.dataset->size_bytes() <= kLargest) {
    FileBytes out(static_cast<size_t>(object.dataset->size_bytes()));
    survives([&] { naming_the_place([&] { reader.read(*object.dataset, path, out); }); }, path);
  }
  if (depth == 0) return;
  int budget = 40;
  for (const auto& [name, address] : object.links) {
    if (--budget < 0) break;
    survives([&, n = name] { naming_the_place([&] { read_all(reader, path + "/" + n, depth - 1); }); }, path + "/" + name);
  }
}

void parse(const FileBytes& bytes) {
  const auto source = std::make_shared<MemorySource>("hostile.h5", std::span<const std::byte>(bytes));
  naming_the_place([&] { read_all(Reader::open(source, Limits{}), "", 4); });
}

/// A file of ours, as small as it can be.
FileBytes small_file() {
  const auto values = std::make_shared<std::vector<float>>(std::vector<float>{1, 2, 3, 4});
  WriterGroup root;
  root.set_attribute("names", std::vector<std::string>{"a", "bc"});
  root.add_dataset("g/x", Type{TypeClass::kFloat, 4, false, true}, {2, 2}, std::as_bytes(std::span(*values)), values);
  return bytes_of(write_file("x.h5", root));
}

TEST(Hdf5Hostile, OurFileCutAndFlippedEverywhere) {
  EXPECT_EQ(expect_hostile_bytes_survived(small_file(), parse), 0) << "a cut file was accepted";
  expect_hostile_fields_survived(small_file(), parse, 4);
}

TEST(Hdf5Hostile, FilesOfH5pyCutAndFlipped) {
  for (const char* name : {"compact.h5"}) {
    expect_hostile_bytes_survived(fixture_bytes(std::string("hdf5/") + name), parse);
  }
  for (const char* name : {"latest.h5", "chunks.h5", "types.h5", "user_block.h5"}) {
    expect_hostile_bytes_survived(fixture_bytes(std::string("hdf5/") + name), parse, 13);
  }
}

TEST(Hdf5Hostile, FilesOfNewLibrariesCutAndFlipped) {
  for (const char* name : {"dense.h5", "indexes.h5"}) {
    expect_hostile_bytes_survived(fixture_bytes(std::string("hdf5/") + name), parse, 307);
  }
}

TEST(Hdf5Hostile, FieldsOfChunkTreesAtTheirLimits) {
  const FileBytes bytes = fixture_bytes("hdf5/chunks.h5");
  for (int nth = 0; nth < 6; ++nth) {
    const size_t at = find_text(bytes, "TREE", nth);
    for (size_t field = at; field < at + 120; field += 2) {
      for (const uint64_t value : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, ~uint64_t{0} - 1, uint64_t{INT64_MAX}, uint64_t{at}}) {
        FileBytes changed = bytes;
        patch(changed, field, value);
        survives([&] { parse(changed); }, "tree at " + std::to_string(at) + ", field " + std::to_string(field - at));
      }
    }
  }
}

TEST(Hdf5Hostile, FieldsOfIndexesAndHeapsAtTheirLimitsUnderARightChecksum) {
  struct Structure {
    const char *file, *signature;
    size_t bytes;
  };
  for (const Structure& it :
       {Structure{"dense.h5", "BTHD", 38}, Structure{"dense.h5", "FRHP", 146}, Structure{"indexes.h5", "BTHD", 38},
        Structure{"indexes.h5", "FAHD", 28}, Structure{"indexes.h5", "EAHD", 72}}) {
    const FileBytes bytes = fixture_bytes(std::string("hdf5/") + it.file);
    const size_t at = find_text(bytes, it.signature);
    for (size_t field = 4; field < it.bytes - 4; ++field) {
      for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{0x7F}, uint64_t{0xFF}, ~uint64_t{0}, uint64_t{at}}) {
        FileBytes changed = bytes;
        std::memcpy(changed.data() + at + field, &value, std::min<size_t>(value > 0xFF ? 8 : 1, it.bytes - 4 - field));
        const uint32_t sum = lookup3(std::span(changed).subspan(at, it.bytes - 4));
        std::memcpy(changed.data() + at + it.bytes - 4, &sum, 4);
        survives([&] { parse(changed); }, std::string(it.signature) + ", field " + std::to_string(field));
      }
    }
  }
}

/// Bytes of the structure at `at` without the checksum that ends it; 0 if there is none.
size_t checked_bytes(const FileBytes& bytes, size_t at) {
  for (size_t count = 8; count < 3000 && at + count + 4 <= bytes.size(); ++count) {
    uint32_t stored = 0;
    std::memcpy(&stored, bytes.data() + at + count, 4);
    if (lookup3(std::span(bytes).subspan(at, count)) == stored) return count;
  }
  return 0;
}

TEST(Hdf5Hostile, FieldsOfNodesAndBlocksAtTheirLimitsUnderARightChecksum) {
  struct Structure {
    const char *file, *signature;
  };
  for (const Structure& it : {Structure{"dense.h5", "OHDR"}, Structure{"dense.h5", "BTIN"}, Structure{"dense.h5", "BTLF"},
                              Structure{"dense.h5", "FHIB"}, Structure{"indexes.h5", "OHDR"}, Structure{"indexes.h5", "FADB"},
                              Structure{"indexes.h5", "EAIB"}, Structure{"indexes.h5", "EASB"}, Structure{"indexes.h5", "EADB"},
                              Structure{"indexes.h5", "BTLF"}}) {
    const FileBytes bytes = fixture_bytes(std::string("hdf5/") + it.file);
    const size_t at = find_text(bytes, it.signature), size = checked_bytes(bytes, at);
    ASSERT_GT(size, 0u) << it.signature;
    for (size_t field = 4; field < std::min<size_t>(size, 160); ++field) {
      for (const uint64_t value : {uint64_t{0}, uint64_t{0xFF}, ~uint64_t{0}, uint64_t{at}}) {
        FileBytes changed = bytes;
        std::memcpy(changed.data() + at + field, &value, std::min<size_t>(value > 0xFF ? 8 : 1, size - field));
        const uint32_t sum = lookup3(std::span(changed).subspan(at, size));
        std::memcpy(changed.data() + at + size, &sum, 4);
        survives([&] { parse(changed); }, std::string(it.signature) + ", field " + std::to_string(field));
      }
    }
  }
}

TEST(Hdf5Hostile, ATableOfBlocksThatHoldsItselfIsAnError) {
  FileBytes bytes = fixture_bytes("hdf5/dense.h5");
  const size_t at = find_text(bytes, "FHIB"), size = checked_bytes(bytes, at);
  for (size_t child = at + 4 + 1 + 8 + 4; child + 8 <= at + size; child += 8) patch(bytes, child, static_cast<uint64_t>(at));
  const uint32_t sum = lookup3(std::span(bytes).subspan(at, size));
  patch(bytes, at + size, sum);
  EXPECT_FALSE(survives([&] { naming_the_place([&] { Reader::open(source_of(bytes), Limits{}).at("links"); }); }, "itself"));
}

TEST(Hdf5Hostile, ATreeThatHoldsItselfIsAnError) {
  FileBytes bytes = fixture_bytes("hdf5/dense.h5");
  const size_t at = find_text(bytes, "BTIN"), size = checked_bytes(bytes, at);
  for (size_t field = at + 6; field + 8 <= at + size; field += 1) {
    FileBytes changed = bytes;
    patch(changed, field, static_cast<uint64_t>(at));
    patch(changed, at + size, lookup3(std::span(changed).subspan(at, size)));
    survives([&] { naming_the_place([&] { Reader::open(source_of(changed), Limits{}).at("links"); }); }, std::to_string(field));
  }
}

TEST(Hdf5Hostile, ChangedIndexesAndHeapsAreFoundByTheirChecksums) {
  for (const char* signature : {"BTHD", "BTLF", "BTIN", "FRHP", "FHDB", "FHIB", "OHDR"}) {
    FileBytes bytes = fixture_bytes("hdf5/dense.h5");
    bytes[find_text(bytes, signature) + 24] ^= std::byte{1};
    const Reader reader = Reader::open(source_of(bytes), Limits{});
    EXPECT_THROW(
        {
          reader.root();
          reader.at("links");
          reader.at("ordered");
        },
        DataLossError)
        << signature;
  }
}

TEST(Hdf5Hostile, AGroupTreeThatPointsAtItselfIsAnError) {
  FileBytes bytes = small_file();
  for (int group = 0; group < 2; ++group) {
    const size_t tree = find_text(bytes, "TREE", group);
    bytes[tree + 5] = std::byte{1};                            // level 1: children are trees
    patch(bytes, tree + 24 + 8, static_cast<uint64_t>(tree));  // first child: itself
  }
  EXPECT_THROW(Reader::open(source_of(bytes), Limits{}).root(), DataLossError);
}

TEST(Hdf5Hostile, AGroupThatHoldsItselfIsWalkedOnlyAsFarAsThePathGoes) {
  const FileBytes bytes = small_file();
  FileBytes changed = bytes;
  const size_t node = find_text(changed, "SNOD");
  const uint64_t root_address = [&] {
    uint64_t address;
    std::memcpy(&address, bytes.data() + 64, 8);  // the root's header, in a superblock of version 0
    return address;
  }();
  patch(changed, node + 8 + 8, root_address);  // "g/x" is the root
  const Reader reader = Reader::open(source_of(changed), Limits{});
  std::string path;
  for (int i = 0; i < 1000; ++i) path += "g/x/";
  EXPECT_NE(reader.find(path), nullptr);
  EXPECT_EQ(reader.find(path + "y"), nullptr);
}

/// An object header of version 1 with these messages.
FileBytes header_of(const std::vector<std::pair<uint16_t, FileBytes>>& messages) {
  ByteWriter body;
  for (const auto& [type, data] : messages) {
    body.u16(type).u16(static_cast<uint16_t>(data.size())).u8(0).zeros(3);
    body.bytes.insert(body.bytes.end(), data.begin(), data.end());
  }
  ByteWriter header;
  header.u8(1).u8(0).u16(static_cast<uint16_t>(messages.size())).u32(1).u32(static_cast<uint32_t>(body.size())).u32(0);
  header.bytes.insert(header.bytes.end(), body.bytes.begin(), body.bytes.end());
  return header.bytes;
}

/// A superblock of version 0 (96 bytes) whose root header follows at once, then `rest`.
FileBytes file_of(const FileBytes& root, const FileBytes& rest = {}) {
  ByteWriter file;
  file.text(std::string_view(reinterpret_cast<const char*>(kSignature), kSignatureBytes));
  file.u8(0).u8(0).u8(0).u8(0).u8(0).u8(8).u8(8).u8(0).u16(4).u16(16).u32(0);
  file.u64(0).u64(kUndefined).u64(96 + root.size() + rest.size()).u64(kUndefined);
  file.u64(0).u64(96).u32(0).u32(0).zeros(16);
  file.bytes.insert(file.bytes.end(), root.begin(), root.end());
  file.bytes.insert(file.bytes.end(), rest.begin(), rest.end());
  return file.bytes;
}

FileBytes dataspace(std::vector<uint64_t> dims) {
  ByteWriter out;
  out.u8(1).u8(static_cast<uint8_t>(dims.size())).u8(0).zeros(5);
  for (const uint64_t dim : dims) out.u64(dim);
  return out.bytes;
}

FileBytes float_type(uint32_t bytes = 4) { return ByteWriter().u8(0x11).u8(0x20).u8(31).u8(0).u32(bytes).zeros(12).bytes; }

FileBytes contiguous(uint64_t address, uint64_t bytes) { return ByteWriter().u8(3).u8(1).u64(address).u64(bytes).bytes; }

TEST(Hdf5Hostile, TheHandMadeFileIsReadWhileItTellsTheTruth) {
  const FileBytes root = header_of({{kDataspace, dataspace({2})}, {kDatatype, float_type()}, {kLayout, contiguous(96, 8)}});
  const Reader reader = Reader::open(source_of(file_of(root)), Limits{});
  ASSERT_TRUE(reader.root().dataset);
  EXPECT_EQ(reader.root().dataset->size_bytes(), 8);
}

TEST(Hdf5Hostile, ShapesOfTerabytesAreRefusedOrNeverAllocated) {
  const std::vector<std::vector<uint64_t>> shapes = {{~uint64_t{0}},
                                                     {uint64_t{1} << 62, 4},
                                                     {uint64_t{1} << 32, uint64_t{1} << 32},
                                                     {uint64_t{1} << 61, 2},
                                                     {0, uint64_t{1} << 63}};
  for (const auto& dims : shapes) {
    const FileBytes root = header_of({{kDataspace, dataspace(dims)}, {kDatatype, float_type()}, {kLayout, contiguous(96, 8)}});
    EXPECT_THROW(Reader::open(source_of(file_of(root)), Limits{}).root(), DataLossError);
  }
  // A terabyte that the layout claims, too: the bytes are not in the file, which reading finds before it asks for memory.
  const uint64_t terabyte = uint64_t{1} << 40;
  const FileBytes root =
      header_of({{kDataspace, dataspace({terabyte / 4})}, {kDatatype, float_type()}, {kLayout, contiguous(96, terabyte)}});
  const Reader reader = Reader::open(source_of(file_of(root)), Limits{});
  FileBytes few(8);
  EXPECT_EQ(reader.root().dataset->size_bytes(), static_cast<int64_t>(terabyte));
  EXPECT_THROW(reader.source().ByteSource::read(96, static_cast<int64_t>(terabyte)), DataLossError);
}

/// A file of one chunked dataset, of layout version 3, at its root: one chunk, deflated, which begins with `chunk`.
FileBytes chunked_file(uint64_t elements, uint32_t chunk_elements, const FileBytes& chunk) {
  const FileBytes filters = ByteWriter().u8(2).u8(1).u16(1).u16(0).u16(0).bytes;
  const auto layout = [&](uint64_t tree) { return ByteWriter().u8(3).u8(2).u8(2).u64(tree).u32(chunk_elements).u32(4).bytes; };
  const auto root = [&](uint64_t tree) {
    return header_of(
        {{kDataspace, dataspace({elements})}, {kDatatype, float_type()}, {kFilterPipeline, filters}, {kLayout, layout(tree)}});
  };
  const uint64_t tree = 96 + root(0).size(), node_bytes = 24 + 24 + 8 + 24;
  ByteWriter rest;
  rest.text("TREE").u8(1).u8(0).u16(1).u64(kUndefined).u64(kUndefined);
  rest.u32(static_cast<uint32_t>(chunk.size())).u32(0).u64(0).u64(0).u64(tree + node_bytes).zeros(24);
  rest.bytes.insert(rest.bytes.end(), chunk.begin(), chunk.end());
  return file_of(root(tree), rest.bytes);
}

/// `chunk` deflated, read as a chunk of so many elements.
void read_deflated(const FileBytes& chunk, uint64_t elements, uint32_t chunk_elements) {
  const FileBytes file = chunked_file(elements, chunk_elements, deflated(chunk, DeflateWrapper::kZlib));
  const Reader reader = Reader::open(source_of(file, "bomb.h5"), Limits{});
  FileBytes out(static_cast<size_t>(reader.root().dataset->size_bytes()));
  naming_the_place([&] { reader.read(*reader.root().dataset, "x", out); });
  EXPECT_TRUE(std::ranges::equal(out, std::span(chunk).first(out.size())));
}

TEST(Hdf5Hostile, DeflatedChunksInflateToWhatTheyShouldBeAndNoFurther) {
  read_deflated(FileBytes(4000), 1000, 1000);
  read_deflated(FileBytes(4000), 3, 1000);
  EXPECT_THROW(read_deflated(FileBytes(4001), 1000, 1000), DataLossError);
  EXPECT_THROW(read_deflated(FileBytes(3999), 1000, 1000), DataLossError);
  EXPECT_THROW(read_deflated(FileBytes(50'000'000), 16, 16), DataLossError) << "50 kB for 64 bytes";
  EXPECT_THROW(read_deflated(FileBytes(50'000'000), 250'000, 250'000), DataLossError) << "50 MB for a megabyte";
  EXPECT_THROW(read_deflated(FileBytes(100), 1, 500'000'000), DataLossError) << "so few bytes cannot become 2 GB";
  EXPECT_THROW(read_deflated(FileBytes(100), 1, 2'000'000'000), ResourceExhaustedError) << "8 GB";
}

TEST(Hdf5Hostile, AChunkTakesNoMoreOfTheFileThanItsElementsCan) {
  // 16 bytes, and a megabyte behind the end of its stream: a thousand such chunks would be a gigabyte to read.
  FileBytes chunk = deflated(FileBytes(16), DeflateWrapper::kZlib);
  chunk.resize(1 << 20);
  const Reader reader = Reader::open(source_of(chunked_file(4, 4, chunk)), Limits{});
  EXPECT_THROW(naming_the_place([&] { reader.root(); }), DataLossError);
}

TEST(Hdf5Hostile, ChunksOfImpossibleShapesAreRefused) {
  for (const uint64_t size : {uint64_t{0}, uint64_t{1} << 60, ~uint64_t{0}}) {
    for (const uint8_t kind : {1, 2, 3, 4, 5}) {
      ByteWriter layout;
      layout.u8(4).u8(2).u8(0).u8(3).u8(8).u64(size).u64(size).u64(4).u8(kind).zeros(6).u64(96).zeros(8);
      const FileBytes root = header_of({{kDataspace, dataspace({16, 16})}, {kDatatype, float_type()}, {kLayout, layout.bytes}});
      try {
        naming_the_place([&] { Reader::open(source_of(file_of(root)), Limits{}).root(); });
        ADD_FAILURE() << size << ' ' << int{kind};
      } catch (const Error& error) {
        EXPECT_EQ(error.kind(), size == 0 ? ErrorKind::kDataLossError : ErrorKind::kResourceExhaustedError);
        EXPECT_GE(error.offset(), 0);
      }
    }
  }
}

TEST(Hdf5Hostile, ContinuationsThatLoopEnd) {
  const FileBytes itself = ByteWriter().u64(96 + 16).u64(24).bytes;  // the block that holds this message
  try {
    Reader::open(source_of(file_of(header_of({{kContinuation, itself}}))), Limits{}).root();
    FAIL();
  } catch (const Error& error) {
    EXPECT_TRUE(error.kind() == ErrorKind::kDataLossError || error.kind() == ErrorKind::kResourceExhaustedError);
  }
}

TEST(Hdf5Hostile, EnumerationsOfEnumerationsAreRefusedAtOnce) {
  ByteWriter type;
  for (int i = 0; i < 8000; ++i) type.u8(0x18).u8(0).u8(0).u8(0).u32(4);
  const FileBytes root = header_of({{kDataspace, dataspace({2})}, {kDatatype, type.bytes}, {kLayout, contiguous(96, 8)}});
  EXPECT_THROW(Reader::open(source_of(file_of(root)), Limits{}).root(), DataLossError);
}

TEST(Hdf5Hostile, AStringThatIsNamedThousandsOfTimesIsRefused) {
  // One heap object of a megabyte, 3000 references to it: 3 GB of strings out of a file of 1 MB.
  constexpr uint32_t kLong = 1 << 20;
  ByteWriter data;
  const size_t root_bytes = 16 + 8 + (8 + 8 + 8 + 8 + 8 + 3000 * 16);
  for (int i = 0; i < 3000; ++i) data.u32(kLong).u64(96 + root_bytes).u32(1);
  ByteWriter attribute;
  attribute.u8(1).u8(0).u16(8).u16(8).u16(16).text("names").zeros(3);
  attribute.u8(0x19).u8(1).u8(0).u8(0).u32(16);
  const FileBytes space = dataspace({3000});
  attribute.bytes.insert(attribute.bytes.end(), space.begin(), space.end());
  attribute.bytes.insert(attribute.bytes.end(), data.bytes.begin(), data.bytes.end());
  const FileBytes root = header_of({{kAttribute, attribute.bytes}});
  ASSERT_EQ(root.size(), root_bytes);
  ByteWriter heap;
  heap.text("GCOL").u8(1).zeros(3).u64(16 + 16 + kLong).u16(1).u16(1).u32(0).u64(kLong).zeros(kLong);
  const Reader reader = Reader::open(source_of(file_of(root, heap.bytes)), Limits{});
  EXPECT_THROW(reader.strings(*reader.root().attribute("names")), ResourceExhaustedError);
}

TEST(Hdf5Hostile, HeapsInsideHeapsAreReadOnlyAsOftenAsTheFileIsLong) {
  // Each 16 bytes begin another heap that claims the rest of the file.
  constexpr int kHeaps = 3000;
  const size_t root_bytes = 16 + 8 + (8 + 8 + 8 + 8 + 8 + kHeaps * 16);
  ByteWriter attribute;
  attribute.u8(1).u8(0).u16(8).u16(8).u16(16).text("names").zeros(3);
  attribute.u8(0x19).u8(1).u8(0).u8(0).u32(16);
  const FileBytes space = dataspace({kHeaps});
  attribute.bytes.insert(attribute.bytes.end(), space.begin(), space.end());
  for (int i = 0; i < kHeaps; ++i) attribute.u32(1).u64(96 + root_bytes + static_cast<size_t>(i) * 16).u32(1);
  const FileBytes root = header_of({{kAttribute, attribute.bytes}});
  ASSERT_EQ(root.size(), root_bytes);
  ByteWriter heaps;
  constexpr size_t kTail = 1 << 20;
  for (int i = 0; i < kHeaps; ++i) heaps.text("GCOL").u8(1).zeros(3).u64(static_cast<size_t>(kHeaps - i) * 16 + kTail);
  heaps.zeros(kTail);
  const Reader reader = Reader::open(source_of(file_of(root, heaps.bytes)), Limits{});
  EXPECT_THROW(reader.strings(*reader.root().attribute("names")), Error);
}

TEST(Hdf5Hostile, ASymbolTableThatRepeatsItsNodesIsRefused) {
  // A tree of 5000 entries that all name one node of 1000 links: 5 million links out of 200 kB.
  constexpr int kEntries = 5000, kLinks = 1000;
  const size_t at = 96 + 16 + 8 + 16;
  const size_t heap = at, heap_data = heap + 32, node = heap_data + 16, tree = node + 8 + kLinks * 40;
  ByteWriter rest;
  rest.text("HEAP").zeros(4).u64(16).u64(kUndefined).u64(heap_data).text("a name").zeros(10);
  rest.text("SNOD").u8(1).u8(0).u16(kLinks);
  for (int i = 0; i < kLinks; ++i) rest.u64(0).u64(96).u32(0).zeros(20);
  rest.text("TREE").u8(0).u8(0).u16(kEntries).u64(kUndefined).u64(kUndefined);
  for (int i = 0; i < kEntries; ++i) rest.u64(0).u64(node);
  const FileBytes root = header_of({{kSymbolTable, ByteWriter().u64(tree).u64(heap).bytes}});
  ASSERT_EQ(96 + root.size(), at);
  EXPECT_THROW(Reader::open(source_of(file_of(root, rest.bytes)), Limits{}).root(), ResourceExhaustedError);
}

/// A group of one link "x" to the root, below a tree of so many levels, each node of which has one child.
FileBytes group_below_levels(int levels) {
  constexpr size_t kNodeBytes = 24 + 8 + 8 + 8;
  const size_t heap = 96 + 16 + 8 + 16, heap_data = heap + 32, symbols = heap_data + 16, tree = symbols + 8 + 40;
  ByteWriter rest;
  rest.text("HEAP").zeros(4).u64(16).u64(kUndefined).u64(heap_data).zeros(8).text("x").zeros(7);
  rest.text("SNOD").u8(1).u8(0).u16(1).u64(8).u64(96).u32(0).zeros(20);
  for (int level = 0; level < levels; ++level) {
    const size_t child = level == 0 ? symbols : tree + static_cast<size_t>(level - 1) * kNodeBytes;
    rest.text("TREE").u8(0).u8(static_cast<uint8_t>(level)).u16(1).u64(kUndefined).u64(kUndefined).u64(0).u64(child).u64(8);
  }
  const size_t top = tree + static_cast<size_t>(levels - 1) * kNodeBytes;
  return file_of(header_of({{kSymbolTable, ByteWriter().u64(top).u64(heap).bytes}}), rest.bytes);
}

TEST(Hdf5Hostile, TreesAreReadHoweverDeepTheyAre) {
  // Nodes that may hold two children only (H5Pset_istore_k, H5Pset_sym_k) make trees of more than 32 levels.
  for (const int levels : {1, 40, 256}) {
    const FileBytes bytes = group_below_levels(levels);
    const Reader reader = Reader::open(source_of(bytes), Limits{});
    ASSERT_EQ(reader.root().links.size(), 1u) << levels;
    EXPECT_EQ(reader.root().links[0].first, "x");
  }
}

TEST(Hdf5Hostile, ChunksThatStandTwiceOrOutsideTheirDatasetAreRefused) {
  const FileBytes good = fixture_bytes("hdf5/chunks.h5");
  const Reader reader = Reader::open(source_of(good), Limits{});
  // The tree of "plain": keys of 8 + 3 · 8 bytes behind the node's header; find it by its first chunk's address.
  const Dataset data = *reader.at("plain").dataset;
  const std::string child(reinterpret_cast<const char*>(&data.chunks[0].offset), 8);
  const size_t first_key = find_text(good, child) - 32;
  for (const uint64_t start : {uint64_t{4}, uint64_t{1}, uint64_t{16}, uint64_t{INT64_MAX}, ~uint64_t{0}}) {
    FileBytes changed = good;
    patch(changed, first_key + 8, start);  // 4: the place of another chunk of this column
    EXPECT_THROW(Reader::open(source_of(changed), Limits{}).at("plain"), DataLossError) << start;
  }
}

}  // namespace
}  // namespace keras::hdf5
