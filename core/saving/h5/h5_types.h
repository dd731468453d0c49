// Element types: HDF5's and ours.
#pragma once

#include "core/formats/hdf5/hdf5_types.h"
#include "core/tensor/dtype.h"

namespace keras {

/// kInvalid for types that no tensor has. Opaque elements of two bytes are bfloat16: so Keras stores it.
DType dtype_of(const hdf5::Type& type);
hdf5::Type h5_type(DType dtype);

}  // namespace keras
