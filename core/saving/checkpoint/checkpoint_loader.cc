// From the index and the shards to a restoration.
#include "core/saving/checkpoint/checkpoint_loader.h"

namespace keras {

CheckpointLoader::CheckpointLoader(std::shared_ptr<const BundleReader> bundle, TrackedRoot root, const Limits& limits)
    : bundle_(std::move(bundle)), root_(std::move(root)), limits_(limits) {}

std::vector<BytesWanted> CheckpointLoader::prepare() {
  if (static_cast<int>(files_.size()) != bundle_->shard_count())
    throw ValueError("The checkpoint has {} shards, but {} files were given", bundle_->shard_count(), files_.size());
  std::vector<SourcePtr> shards;
  std::vector<int64_t> sizes;
  for (size_t i = 0; i < files_.size(); ++i) {
    shards.push_back(files_.file(i));
    sizes.push_back(files_.file(i)->size_bytes());
  }
  bundle_->check_shards(sizes);
  try {
    restoration_ = std::make_shared<Restoration>(SavedCheckpoint(bundle_, std::move(shards), limits_));
  } catch (const NeedBytes& need) {
    return files_.wanted(need);
  }
  ReadList planned;
  restoration_->plan(root_, true, planned);
  reads_ = ReadBatches(files_, std::move(planned));
  return {};
}

std::shared_ptr<Restoration> CheckpointLoader::finish() {
  restoration_->finish();
  return std::move(restoration_);
}

}  // namespace keras
