// Zip archives: all members are read, and what was read is written and read again.
#include "core/formats/zip/zip_reader.h"
#include "core/formats/zip/zip_writer.h"
#include "tests/fuzz/fuzz.h"

using namespace keras;
using namespace keras::fuzz;

namespace {

void check_round_trip(const std::vector<OutputFile>& files, ZipCompression compression) {
  const FileBytes written = bytes_of(zip_files("again.zip", files, compression));
  const ZipArchive again = ZipArchive::open(source_of(written), small_limits());
  require(again.members().size() == files.size());
  for (const OutputFile& file : files) {
    const ZipMember* member = again.find(file.path);
    require(member != nullptr);
    const auto source = again.open_member(*member);
    require(source->read(0, source->size_bytes()) == bytes_of(file));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<OutputFile> files;
  const bool whole = survives([&] {
    const ZipArchive archive = ZipArchive::open(source_of(bytes_of(data, size)), small_limits());
    std::string folder;
    archive.find_folder_with("saved_model.pb", folder);
    for (const ZipMember& member : archive.members()) {
      survives([&] { archive.verify(member); });
      survives([&] {
        const auto source = archive.open_member(member);
        OutputFile file;
        file.path = member.name;
        file.add(source->read(0, source->size_bytes()));
        files.push_back(std::move(file));
      });
    }
  });
  if (!whole) return 0;
  for (const ZipCompression compression : {ZipCompression::kStored, ZipCompression::kDeflated})
    check_round_trip(files, compression);
  return 0;
}
