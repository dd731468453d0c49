// The order of a Functional model's layers and calls, after Keras's _map_graph_network: models, HDF5 files and
// checkpoints of real Keras number their layers in this order.
#pragma once

#include "core/keras/models/functional.h"

namespace keras {

struct NetworkMap {
  std::vector<LayerPtr> layers;
  std::vector<NetworkNode> nodes;
};

NetworkMap map_network(const std::vector<KerasTensor>& inputs, const std::vector<KerasTensor>& outputs);

}  // namespace keras
