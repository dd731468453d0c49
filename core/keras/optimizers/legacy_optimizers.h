// tf.keras.optimizers.legacy: SGD, RMSprop, Adam.
#pragma once

#include "core/keras/optimizers/optimizer.h"

namespace keras {

/// Null for other classes.
OptimizerPtr make_legacy_optimizer(std::string_view class_name);

}  // namespace keras
