// What compile() leaves in a model.
#include "core/keras/models/model.h"

namespace keras {

void Model::add_optimizer_edge(TrackedChildren& children) const {
  if (optimizer_) children.emplace_back("optimizer", Trackable{.optimizer = optimizer_});
}

void Model::set_optimizer(std::shared_ptr<Optimizer> optimizer) {
  optimizer_ = std::move(optimizer);
  grew();
}

}  // namespace keras
