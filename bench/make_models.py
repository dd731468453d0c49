"""Makes the benchmark's models with TensorFlow 2.15.1 and, from the same Keras model, what each contestant reads: .h5 or, for
layers that are not here, the SavedModel as .zip; .tflite and .onnx for each batch size; .json with .weights for tfjs.

Usage: python make_models.py <folder>. Next to each model lie an input and TensorFlow's output for it, raw. Where a converter
fails, a file <name>.failed says why.
"""

import functools
import importlib.util
import json
import pathlib
import shutil
import sys
import tempfile
import types
import zipfile

import numpy as np
import tensorflow as tf

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
layers = tf.keras.layers


def mlp():
    return tf.keras.Sequential(
        [
            layers.Input((784,)),
            layers.Dense(512, activation="relu"),
            layers.Dense(512, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def cnn():
    return tf.keras.Sequential(
        [
            layers.Input((28, 28, 1)),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )


def lstm():
    return tf.keras.Sequential(
        [
            layers.Input((80,), dtype="int32"),
            layers.Embedding(20000, 128, embeddings_initializer=tf.keras.initializers.RandomUniform(-1, 1)),
            layers.LSTM(128),
            layers.Dense(2, activation="softmax"),
        ]
    )


def transformer():
    x = inputs = layers.Input((128, 512))
    for _ in range(2):
        attended = layers.MultiHeadAttention(8, 64)(x, x)
        x = layers.LayerNormalization()(layers.Add()([x, attended]))
        forward = layers.Dense(512)(layers.Dense(2048, activation="relu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, forward]))
    return tf.keras.Model(inputs, x)


def sample(model, batch, seed):
    """Token numbers, or numbers in [-1, 1)."""
    rng = np.random.default_rng(seed)
    shape = (batch, *model.input_shape[1:])
    if model.inputs[0].dtype == tf.int32:
        return rng.integers(0, 20000, shape, dtype="int32")
    return rng.uniform(-1, 1, shape).astype("float32")


def calibrate(model):
    """Random weights leave the outputs nearly independent of the input: batch statistics of noise mend that, and a last layer
    scaled so that its logits have a standard deviation of 2."""
    norms = [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]
    kept = [layer.momentum for layer in norms]
    for layer in norms:
        layer.momentum = 0.0
    if norms:
        model(sample(model, 8, 1), training=True)
    for layer, momentum in zip(norms, kept):
        layer.momentum = momentum
    last = model.layers[-1]
    if isinstance(last, layers.Dense) and last.activation is tf.keras.activations.softmax:
        before = tf.keras.Model(model.inputs, last.input)(sample(model, 8, 2)).numpy()
        scale = 2 / np.std(before @ last.kernel.numpy() + last.bias.numpy(), axis=0).mean()
        last.kernel.assign(last.kernel * scale)
    a, b = model(sample(model, 1, 3)).numpy(), model(sample(model, 1, 4)).numpy()
    assert np.abs(a - b).max() > 0.05, "the outputs hardly depend on the input"
    return model


def attempt(path, write):
    """write(path), or a file that says why not."""
    try:
        write(path)
    except Exception as error:  # noqa: BLE001: whatever a converter stumbles over
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        print("failed:", path.name, reason)
        path.with_name(path.name + ".failed").write_text(reason)


def write_zip(model, path):
    with tempfile.TemporaryDirectory() as exported:
        model.export(exported)
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(pathlib.Path(exported).rglob("*")):
                archive.write(file, file.relative_to(exported))


def write_tflite(model, batch, path):
    spec = tf.TensorSpec((batch, *model.input_shape[1:]), model.inputs[0].dtype)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    path.write_bytes(tf.lite.TFLiteConverter.from_concrete_functions([function], model).convert())


def write_onnx(model, batch, path):
    import tf2onnx

    spec = (tf.TensorSpec((batch, *model.input_shape[1:]), model.inputs[0].dtype, name="input"),)
    tf2onnx.convert.from_keras(model, input_signature=spec, opset=13, output_path=str(path))


@functools.cache
def tfjs_converter():
    """The converter of graphs only: what stands around it imports packages that do not install beside this TensorFlow."""
    (root,) = importlib.util.find_spec("tensorflowjs").submodule_search_locations
    for name, path in [("tensorflowjs", root), ("tensorflowjs.converters", f"{root}/converters")]:
        sys.modules.setdefault(name, types.ModuleType(name)).__path__ = [path]
    for name in ["tensorflow_decision_forests", "tensorflow_hub"]:  # for models of other kinds
        sys.modules.setdefault(name, types.ModuleType(name))
    return importlib.import_module("tensorflowjs.converters.tf_saved_model_conversion_v2")


def write_tfjs_graph(model, path):
    with tempfile.TemporaryDirectory() as work:
        exported, converted = pathlib.Path(work) / "exported", pathlib.Path(work) / "converted"
        model.export(exported)
        tfjs_converter().convert_tf_saved_model(str(exported), str(converted), control_flow_v2=True)
        document = json.loads((converted / "model.json").read_text())
        (manifest,) = document["weightsManifest"]
        path.write_text(json.dumps({"modelTopology": document["modelTopology"], "weightSpecs": manifest["weights"]}))
        with path.with_suffix(".weights").open("wb") as weights:
            for shard in manifest["paths"]:
                shutil.copyfileobj((converted / shard).open("rb"), weights)


def write_tfjs_layers(model, path):
    specs = [{"name": w.name.split(":")[0], "shape": list(w.shape), "dtype": "float32"} for w in model.weights]
    path.write_text(json.dumps({"modelTopology": json.loads(model.to_json()), "weightSpecs": specs}))
    np.concatenate([w.numpy().ravel() for w in model.weights]).tofile(path.with_suffix(".weights"))


def write(name, model, batches):
    for batch in batches:  # one file for each: the peers plan for fixed shapes
        inputs = sample(model, batch, 10 + batch)
        inputs.tofile(folder / f"{name}-{batch}.input")
        model(inputs).numpy().tofile(folder / f"{name}-{batch}.output")
        attempt(folder / f"{name}-{batch}.tflite", lambda path: write_tflite(model, batch, path))
        attempt(folder / f"{name}-{batch}.onnx", lambda path: write_onnx(model, batch, path))
    attempt(folder / f"{name}-graph.json", lambda path: write_tfjs_graph(model, path))


tf.keras.utils.set_random_seed(7)
for name, model, batches in [
    ("mlp", mlp(), (1, 32)),
    ("mobilenet", tf.keras.applications.MobileNetV2(weights=None), (1,)),
    ("resnet50", tf.keras.applications.ResNet50(weights=None), (1,)),
]:
    calibrate(model).save(folder / f"{name}.h5")
    write(name, model, batches)
for name, model, batches in [("lstm", lstm(), (1, 32)), ("transformer", transformer(), (1,))]:
    write_zip(calibrate(model), folder / f"{name}.zip")
    write(name, model, batches)
digits = calibrate(cnn())
digits.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
digits.save(folder / "cnn.h5")
write_tfjs_layers(digits, folder / "cnn-layers.json")
write("cnn", digits, (1, 32))
large = [layers.Dense(4000, input_shape=(4000,)), *(layers.Dense(4000) for _ in range(7))]
tf.keras.Sequential(large).save(folder / "large.h5")
(folder / "complete").write_text(pathlib.Path(__file__).read_text())  # all of them, by this script
