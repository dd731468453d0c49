"""Makes the benchmark's models with TensorFlow 2.15.1: the same Keras model as .h5, .tflite, .json with .weights (for tfjs,
whose converter does not install beside this TensorFlow) and, with tf2onnx, .onnx.

Usage: python make_models.py <folder>. Next to each model lie an input and TensorFlow's output for it, raw float32.
"""

import json
import pathlib
import sys

import numpy as np
import tensorflow as tf

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
tf.keras.utils.set_random_seed(7)
layers = tf.keras.layers


def calibrate(model):
    """Random weights leave the outputs nearly independent of the input; batch statistics of noise mend that."""
    images = np.random.default_rng(1).uniform(-1, 1, (8, *model.input_shape[1:])).astype("float32")
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum, layer.kept_momentum = 0.0, layer.momentum
    model(images, training=True)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = layer.kept_momentum
    return model


def mnist_cnn():
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


def write_onnx(model, path, batch):
    try:
        import tf2onnx
    except ImportError:
        return print("tf2onnx is not there: no", path.name)
    spec = (tf.TensorSpec((batch, *model.input_shape[1:]), tf.float32, name="input"),)
    tf2onnx.convert.from_keras(model, input_signature=spec, opset=13, output_path=str(path))


def write_tfjs(name, model):
    """What tf.io.fromMemory of tfjs takes."""
    specs = [{"name": w.name.split(":")[0], "shape": list(w.shape), "dtype": "float32"} for w in model.weights]
    (folder / f"{name}.json").write_text(json.dumps({"modelTopology": json.loads(model.to_json()), "weightSpecs": specs}))
    np.concatenate([w.numpy().ravel() for w in model.weights]).tofile(folder / f"{name}.weights")


def write(name, model, batch):
    """One file per batch size: the peers plan for fixed shapes."""
    shape = (batch, *model.input_shape[1:])
    inputs = np.random.default_rng(batch).uniform(0, 1, shape).astype("float32")
    outputs = model(inputs).numpy()
    inputs.tofile(folder / f"{name}-{batch}.input")
    outputs.tofile(folder / f"{name}-{batch}.output")
    spec = tf.TensorSpec(shape, tf.float32)
    function = tf.function(lambda x: model(x, training=False)).get_concrete_function(spec)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], model)
    (folder / f"{name}-{batch}.tflite").write_bytes(converter.convert())
    write_onnx(model, folder / f"{name}-{batch}.onnx", batch)


mobilenet = calibrate(tf.keras.applications.MobileNetV2(weights=None))
mobilenet.save(folder / "mobilenet.h5")
write_tfjs("mobilenet", mobilenet)
write("mobilenet", mobilenet, 1)
cnn = mnist_cnn()
cnn.compile(optimizer="adam", loss="sparse_categorical_crossentropy")
cnn.save(folder / "cnn.h5")
write_tfjs("cnn", cnn)
for size in (1, 32):
    write("cnn", cnn, size)
tf.keras.applications.ResNet50(weights=None).save(folder / "resnet50.h5")
