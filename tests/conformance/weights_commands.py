"""Commands of check.py about files of weights: what Keras writes, what it reads, and files written again by h5py."""

import warnings

import h5py
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import trackable_object_graph_pb2

from generate import record


def formula_weights(model):
    """Values that no initializer makes, alike in every run: the k-th weight counts on from 1000 k."""
    model.set_weights([(1000 * k + np.arange(w.size)).reshape(w.shape).astype(w.dtype) / 7 for k, w in enumerate(model.get_weights())])


def save_weights(request, tensors, load_model):
    model = load_model(request["path"])
    formula_weights(model)
    model.save_weights(request["out"])
    return {"weights": record.describe_weights(model, tensors)}


def load_weights(request, tensors, load_model):
    """The model of one file with the weights of another; weights that are not loaded are zeros."""
    model = load_model(request["path"])
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    options = {key: request[key] for key in ("by_name", "skip_mismatch") if request.get(key)}
    messages = []
    keep, tf.get_logger().warning = tf.get_logger().warning, messages.append
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            model.load_weights(request["weights"], **options)
        except ValueError as error:
            return {"error": str(error)}
        finally:
            tf.get_logger().warning = keep
    return {"weights": record.describe_weights(model, tensors), "warnings": messages + [str(w.message) for w in caught],
            "optimizer": record.describe_optimizer(model.optimizer, tensors) if model._is_compiled else None}


# How h5py writes a file again: options of the file, and, for each dataset, its values and options.
def chunked(data, **options):
    return data, ({"chunks": tuple(max(1, (n + 1) // 2) for n in data.shape), **options} if data.ndim > 0 and data.size > 0 else {})


REWRITES = {
    "gzip": ({}, lambda data: chunked(data, compression="gzip", shuffle=True)),
    "latest": ({"libver": "latest"}, lambda data: (data, {})),
    "latest_gzip": ({"libver": "latest"}, lambda data: chunked(data, compression="gzip", shuffle=True, fletcher32=True)),
    "chunked": ({}, chunked),
    "extensible": ({"libver": "latest"}, lambda data: chunked(data, maxshape=(None,) * data.ndim)),
    "big_endian": ({}, lambda data: (data.astype(data.dtype.newbyteorder(">")), {})),
    "double": ({}, lambda data: (data.astype("f8") if data.dtype == "f4" else data, {})),
    "fixed_strings": ({}, lambda data: (data, {})),
    "user_block": ({"userblock_size": 512}, lambda data: (data, {})),
    "tracked": ({"track_order": True}, lambda data: (data, {})),
}


def rewrite(request, tensors, load_model):
    options, change = REWRITES[request["how"]]
    with h5py.File(request["path"]) as old, h5py.File(request["out"], "w", **options) as new:
        def copy_attributes(old_object, new_object):
            for key, value in old_object.attrs.items():
                if request["how"] == "fixed_strings" and (isinstance(value, str) and len(value) < 60000 or
                                                          isinstance(value, np.ndarray) and value.dtype == object):
                    value = np.array(value).astype("S") if isinstance(value, np.ndarray) else np.bytes_(value.encode())
                new_object.attrs[key] = value

        def copy(name, item):
            if isinstance(item, h5py.Group):
                copy_attributes(item, new.require_group(name))
            else:
                data, dataset_options = change(item[()] if item.shape else np.asarray(item[()]))
                copy_attributes(item, new.create_dataset(name, data=data, **dataset_options))

        copy_attributes(old, new)
        old.visititems(copy)
    return {}


def long_names(request, tensors, load_model):
    """A model whose lists of names are over 64 KB, those of layers and those of weights in a nested model."""
    name = lambda part, i: f"{part}_{i:03d}_" + "long" * 225  # few layers of long names: each takes TensorFlow a while
    inner = tf.keras.Sequential([tf.keras.layers.Dense(1, name=name("inner", i)) for i in range(40)], name="inner")
    inner.build((None, 2))
    model = tf.keras.Sequential([inner] + [tf.keras.layers.Dense(1, name=name("outer", i)) for i in range(80)])
    model.build((None, 2))
    formula_weights(model)
    model.save(request["out"], save_format="h5")
    return {"weights": record.describe_weights(model, tensors)}


def name_lists(request, tensors, load_model):
    """How the lists of names in a file of long_names stand there: attribute → elements, shape."""
    with h5py.File(request["path"]) as file:
        return {"attributes": {f"{group.name}@{key}": [str(group.attrs.get_id(key).dtype), list(group.attrs.get_id(key).shape)]
                               for group in (file["model_weights"], file["model_weights/inner"])
                               for key in group.attrs if "names" in key}}


LEGACY = tf.keras.optimizers.legacy
LEGACY_OPTIMIZERS = {
    "sgd": lambda: LEGACY.SGD(0.1),
    "sgd_decay": lambda: LEGACY.SGD(0.1, decay=0.5),
    "momentum": lambda: LEGACY.SGD(0.05, momentum=0.9),
    "nesterov": lambda: LEGACY.SGD(0.05, momentum=0.9, nesterov=True, clipnorm=0.5),
    "rmsprop": lambda: LEGACY.RMSprop(0.01),
    "rmsprop_momentum": lambda: LEGACY.RMSprop(0.01, momentum=0.5),
    "rmsprop_centered": lambda: LEGACY.RMSprop(0.01, centered=True, decay=0.1),
    "rmsprop_centered_momentum": lambda: LEGACY.RMSprop(0.01, momentum=0.5, centered=True),
    "adam": lambda: LEGACY.Adam(0.01),
    "adam_amsgrad": lambda: LEGACY.Adam(0.01, amsgrad=True, decay=0.1, clipvalue=0.2),
}


def legacy_model(optimizer):
    tf.keras.utils.set_random_seed(7)
    layers = [tf.keras.layers.Dense(5, activation="tanh", input_shape=(4,), name="hidden"), tf.keras.layers.Dense(2, name="out")]
    model = tf.keras.Sequential(layers, name="legacy")
    model.compile(LEGACY_OPTIMIZERS[optimizer](), "mse")
    return model


def legacy_trained(request, tensors, load_model):
    """A model trained for two steps with a legacy optimizer, saved in every way, and trained on: what it became."""
    model = legacy_model(request["optimizer"])
    random = np.random.default_rng(3)
    batches = [(random.normal(size=(8, 4)).astype("f4"), random.normal(size=(8, 2)).astype("f4")) for _ in range(5)]
    for x, y in batches[:2]:
        model.train_on_batch(x, y)
    model.save(request["out"], save_format="h5")
    if request.get("folder"):
        model.save(request["folder"] + "/model")
        model.save_weights(request["folder"] + "/weights")
        tf.train.Checkpoint(model=model, optimizer=model.optimizer).write(request["folder"] + "/objects")
    before = record.describe_optimizer(model.optimizer, tensors)
    logs = record.train_steps(model, [([x], [y]) for x, y in batches[2:]])
    return {"steps": [[tensors.add(x), tensors.add(y)] for x, y in batches[2:]], "before": before, "logs": logs,
            "weights": record.describe_weights(model, tensors), "after": record.describe_optimizer(model.optimizer, tensors)}


def object_graph(prefix):
    """Keys of values and slots, as a checkpoint's object graph tells them; without numbers of nodes, which depend on what else there is."""
    reader = tf.train.load_checkpoint(prefix)
    graph = trackable_object_graph_pb2.TrackableObjectGraph.FromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    value = lambda i: [[a.name, a.full_name, a.checkpoint_key] for a in graph.nodes[i].attributes]
    optimizers = [node for node in graph.nodes if node.slot_variables]
    return {"keys": sorted(reader.get_variable_to_shape_map()), "values": sorted(value(i) for i in range(len(graph.nodes)) if value(i)),
            "optimizers": [[[c.local_name, value(c.node_id)] for c in node.children] for node in optimizers],
            "slots": [[value(s.original_variable_node_id), s.slot_name, value(s.slot_variable_node_id)]
                      for node in optimizers for s in node.slot_variables]}


def legacy_graphs(request, tensors, load_model):
    return {"graphs": [object_graph(prefix) for prefix in request["prefixes"]]}


def legacy_restored(request, tensors, load_model):
    """A new model with a legacy optimizer, restored from a checkpoint that is consumed whole, and trained on."""
    model = legacy_model(request["optimizer"])
    model.set_weights([np.zeros_like(w) for w in model.get_weights()])
    model.optimizer._create_all_weights(model.trainable_variables)
    if request["checkpoint"]:
        tf.train.Checkpoint(model=model, optimizer=model.optimizer).read(request["prefix"]).assert_consumed()
    else:
        model.load_weights(request["prefix"]).assert_consumed()
    told = {"optimizer": record.describe_optimizer(model.optimizer, tensors)}
    random = np.random.default_rng(3)
    batches = [(random.normal(size=(8, 4)).astype("f4"), random.normal(size=(8, 2)).astype("f4")) for _ in range(5)]
    return {**told, "logs": record.train_steps(model, [([x], [y]) for x, y in batches[2:]])}


COMMANDS = {"legacy_graphs": legacy_graphs, "legacy_restored": legacy_restored, "save_weights": save_weights, "load_weights": load_weights, "rewrite": rewrite, "long_names": long_names, "name_lists": name_lists, "legacy_trained": legacy_trained}
