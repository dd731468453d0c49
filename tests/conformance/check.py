"""The real TensorFlow on the other end of a pipe: answers questions about models, one JSON line each way, started once a suite.

Request  {"id": n, "cmd": name, …arguments, "scratch": folder for the answer's tensors}
Answer   {"id": n, "result": {…, "data": path of a .bin file}} or {"id": n, "error": "Class: text"}
Tensors are {dtype, shape, offset, bytes} into a .bin file, in both directions (tests/fixtures/generate/record.py).
"""

import functools
import json
import os
import sys
import zipfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
ANSWERS = os.fdopen(os.dup(1), "w", buffering=1)
os.dup2(2, 1)  # whatever TensorFlow prints must not land between the answers

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fixtures"))

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

import applications  # noqa: E402
import subclassed_commands  # noqa: E402
import weights_commands  # noqa: E402
import make_zips  # noqa: E402
from generate import record  # noqa: E402
from generate.custom_fixtures import CustomDense, Scale, TinySGD, mean_gap, tilted_loss  # noqa: E402

tf.get_logger().setLevel("ERROR")
CUSTOM = {"Scale": Scale, "CustomDense": CustomDense, "TinySGD": TinySGD, "mean_gap": mean_gap, "tilted_loss": tilted_loss}


def load_model(path):
    return tf.keras.models.load_model(path, custom_objects=CUSTOM)


def read_tensors(data, entries):
    with open(data, "rb") as f:
        content = f.read()
    return [np.frombuffer(content, e["dtype"], int(np.prod(e["shape"], dtype=np.int64)), e["offset"]).reshape(e["shape"]) for e in entries]


def describe_model(request, tensors):
    """load_model, then everything that the recordings tell of a model, and its outputs where inputs are given."""
    model = load_model(request["path"])
    described = record.describe_model(model, tensors)
    if request.get("inputs"):
        described["outputs"] = tensors.add_all(record.predict(model, read_tensors(request["data"], request["inputs"])))
    return described


def serving(request, tensors):
    """tf.saved_model.load, no Keras: the serving signature run on inputs by name."""
    signature = tf.saved_model.load(request["path"]).signatures["serving_default"]
    inputs = dict(zip(request["names"], read_tensors(request["data"], request["inputs"])))
    outputs = signature(**{name: tf.constant(value) for name, value in inputs.items()})
    return {"outputs": {name: tensors.add(value.numpy()) for name, value in outputs.items()},
            "signature": {name: [spec.dtype.name, spec.shape.as_list()] for name, spec in signature.structured_input_signature[1].items()}}


def checkpoint(request, tensors):
    """Every numeric entry of a checkpoint by its key."""
    reader = tf.train.load_checkpoint(request["prefix"])
    dtypes = reader.get_variable_to_dtype_map()
    return {"entries": {key: tensors.add(reader.get_tensor(key)) for key in sorted(dtypes) if dtypes[key] != tf.string}}


def save_weights(request, tensors):
    """load_model, then save_weights as a checkpoint."""
    load_model(request["path"]).save_weights(request["prefix"])
    return {}


def restore(request, tensors):
    """load_model, everything set to zero, then restored from a checkpoint, all of which has to be consumed; then training steps."""
    model = load_model(request["path"])
    slots = list(model.optimizer.variables) if getattr(model, "optimizer", None) is not None else []
    for variable in list(model.weights) + slots:
        variable.assign(tf.zeros_like(variable))
    if request["checkpoint"]:
        objects = {"model": model, "optimizer": model.optimizer} if getattr(model, "optimizer", None) is not None else {"model": model}
        tf.train.Checkpoint(**objects).restore(request["prefix"]).assert_consumed()
    else:
        model.load_weights(request["prefix"]).assert_consumed()
    optimizer = getattr(model, "optimizer", None)
    told = {"weights": record.describe_weights(model, tensors), "optimizer": optimizer and record.describe_optimizer(optimizer, tensors)}
    if request.get("steps"):
        steps = [(read_tensors(request["data"], step["x"]), read_tensors(request["data"], step["y"])) for step in request["steps"]]
        told["logs"] = record.train_steps(model, steps)
    return told


def restore_tree(request, tensors):
    """The tree of tests/conformance/checkpoints.mjs, made anew and restored; the layer makes its weights afterwards."""
    step, first = tf.Variable(0, dtype=tf.int64), tf.Variable([0.0, 0.0])
    texts, layer = tf.Variable(["", ""]), tf.keras.layers.Dense(2)
    tree = tf.train.Checkpoint(step=step, list=[first, {"key": texts}], layer=layer)
    status = tree.restore(request["prefix"])
    layer.build((None, 3))
    status.assert_consumed()
    return {"kernel": tensors.add(layer.kernel.numpy()),
            "values": {"step": int(step), "saveCounter": int(tree.save_counter), "first": first.numpy().tolist(),
                       "texts": [text.decode() for text in texts.numpy().tolist()],
                       "latest": tf.train.latest_checkpoint(os.path.dirname(request["prefix"]))}}


def unzip(request, tensors):
    """Python's zipfile: every checksum verified, how each member is stored, and all of them extracted to a folder."""
    with zipfile.ZipFile(request["path"]) as archive:
        broken = archive.testzip()
        archive.extractall(request["dir"])
        methods = {member.filename: member.compress_type for member in archive.infolist()}
    return {"broken": broken, "methods": methods}


def zip_folder(request, tensors):
    """A folder as an archive that cannot seek back (data descriptors), deflated, with zip64 fields, below a folder."""
    folder = request["folder"]
    paths = [os.path.join(at, name) for at, _, names in os.walk(folder) for name in names]
    contents = {}
    for path in sorted(paths):
        with open(path, "rb") as file:
            contents["größe 数/model/" + os.path.relpath(path, folder)] = file.read()
    with open(request["path"], "wb") as file:
        file.write(make_zips.archive_of(contents, stream=make_zips.Stream(), method=zipfile.ZIP_DEFLATED, zip64=True))
    return {}


def resume(request, tensors):
    """load_model, then one train_on_batch for each pair of x and y."""
    model = load_model(request["path"])
    steps = [(read_tensors(request["data"], step["x"]), read_tensors(request["data"], step["y"])) for step in request["steps"]]
    logs = record.train_steps(model, steps)
    return {"logs": logs, "weights": record.describe_weights(model, tensors), "optimizer": record.describe_optimizer(model.optimizer, tensors)}


def calibrated(request, tensors):
    """A model of keras.applications with calibrated weights, saved to a folder of the caller's."""
    model, images = applications.calibrated(request["arch"])
    paths = {"h5": os.path.join(request["dir"], request["arch"] + ".h5"), "savedModel": os.path.join(request["dir"], request["arch"])}
    model.save(paths["h5"], save_format="h5")
    model.save(paths["savedModel"], save_format="tf")
    outputs = record.predict(model, [images])[0]
    return {"files": paths, "inputs": [tensors.add(images)], "outputs": [tensors.add(outputs)],
            "difference": float(np.abs(outputs[0] - outputs[1]).max())}


COMMANDS = {"describe_model": describe_model, "serving": serving, "checkpoint": checkpoint, "save_weights": save_weights,
            "restore": restore, "restore_tree": restore_tree, "unzip": unzip, "zip_folder": zip_folder,
            "resume": resume, "calibrated": calibrated,
            **{"subclassed_" + name: command for name, command in subclassed_commands.COMMANDS.items()},
            **{"h5_" + name: functools.partial(command, load_model=load_model) for name, command in weights_commands.COMMANDS.items()}}


def answer(request):
    tf.keras.backend.clear_session()
    tensors = record.TensorFile(os.path.join(request["scratch"], f"answer_{request['id']}.bin"))
    result = COMMANDS[request["cmd"]](request, tensors)
    tensors.close()
    return {"id": request["id"], "result": {**result, "data": tensors.path}}


def main():
    print(json.dumps({"ready": record.versions()}), file=ANSWERS)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            told = answer(request)
        except Exception as error:  # the asking test fails, the oracle goes on
            told = {"id": request["id"], "error": f"{type(error).__name__}: {error}"}
        print(json.dumps(told), file=ANSWERS)


if __name__ == "__main__":
    main()
