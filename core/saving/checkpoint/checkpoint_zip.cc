// Members by name.
#include "core/saving/checkpoint/checkpoint_zip.h"

#include "core/formats/zip/zip_reader.h"
#include "core/saving/saved_model/saved_model_reader.h"

namespace keras {
namespace {

constexpr int64_t kMagicBytes = 4;

bool belongs_to_checkpoint(std::string_view path) {
  const size_t slash = path.rfind('/');
  const std::string_view name = path.substr(slash == std::string_view::npos ? 0 : slash + 1);
  return name == "checkpoint" || name.ends_with(".index") || name.find(".data-") != std::string_view::npos;
}

}  // namespace

std::vector<BytesWanted> CheckpointZip::prepare() {
  const SourcePtr file = files_.file(0);
  try {
    if (file->size_bytes() < kMagicBytes || !looks_like_zip(file->read(0, kMagicBytes))) return {};
    const ZipArchive archive = ZipArchive::open(file, limits_);
    std::vector<CheckpointMember> members;
    for (const ZipMember& member : archive.members()) {
      if (!belongs_to_checkpoint(member.name) || member.name.starts_with("__MACOSX/")) continue;
      SourcePtr source = archive.open_member(member);
      const auto* window = dynamic_cast<const WindowSource*>(source.get());
      if (window != nullptr)
        members.push_back({member.name, member.bytes, window->offset_in_parent(), nullptr});
      else
        members.push_back({member.name, member.bytes, std::nullopt, std::move(source)});
    }
    members_ = std::move(members);
    std::string folder;
    is_saved_model_ = archive.find_folder_with(kSavedModelFile, folder);
    return {};
  } catch (const NeedBytes& need) {
    return files_.wanted(need);
  }
}

}  // namespace keras
