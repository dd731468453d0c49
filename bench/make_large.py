"""Makes a Keras H5 model of 1 GB of weights, contiguous and again in chunks with shuffle and gzip, by h5py alone.

Usage: python make_large.py <folder>. The numbers have few bits, so that gzip has something to do.
"""

import json
import pathlib
import sys

import h5py
import numpy as np

LAYERS, UNITS = 4, 8192

folder = pathlib.Path(sys.argv[1])
names = [f"dense_{i}" for i in range(LAYERS)]
layers = [
    {"class_name": "Dense", "config": {"name": name, "units": UNITS, "use_bias": False, "batch_input_shape": [None, UNITS],
                                       "kernel_initializer": "zeros"}}
    for name in names
]
config = {"class_name": "Sequential", "config": {"name": "large", "layers": layers}}
(folder / "large.json").write_text(json.dumps(config))
for name, options in (("large", {}), ("large_gzip", {"chunks": True, "shuffle": True, "compression": "gzip", "compression_opts": 1})):
    random = np.random.default_rng(1)
    with h5py.File(folder / f"{name}.h5", "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.15.0", "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        weights = file.create_group("model_weights")
        weights.attrs["keras_version"], weights.attrs["backend"] = "2.15.0", "tensorflow"
        weights.attrs["layer_names"] = [name.encode() for name in names]
        for layer in names:
            weights.create_group(layer).attrs["weight_names"] = [f"{layer}/kernel:0".encode()]
            kernel = random.integers(-512, 512, (UNITS, UNITS), "i2").astype("f4") / np.float32(65536)
            weights.create_dataset(f"{layer}/{layer}/kernel:0", data=kernel, **options)
