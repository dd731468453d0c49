"""Trains the example model with real TensorFlow 2.15.1 and writes everything that examples need of it:

    python examples/models/make_digits.py

examples/data/digits.bin (+ digits.json): scikit-learn's handwritten digits, 1,797 images of 8×8 pixels with values 0…16, one byte
each, then one byte per label; in a fixed shuffled order, the last fifth (359 images) held back for testing.
examples/models/digits.h5 and examples/models/digits/: a small CNN, trained on the others with Adam, compiled, optimizer state and all.
"""

import json
import os
import shutil

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import keras  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from sklearn.datasets import load_digits  # noqa: E402
from tensorflow.keras import layers as L  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "data")
EPOCHS = 30


def write_data():
    digits = load_digits()
    order = np.random.default_rng(7).permutation(len(digits.target))
    images = digits.images[order].astype(np.uint8)
    labels = digits.target[order].astype(np.uint8)
    assert (images == digits.images[order]).all()
    os.makedirs(DATA, exist_ok=True)
    with open(os.path.join(DATA, "digits.bin"), "wb") as f:
        f.write(images.tobytes() + labels.tobytes())
    held_back = len(labels) // 5
    told = {
        "description": "Handwritten digits, 8x8 pixels of 0 to 16 (divide by 16), one byte a pixel, row by row; then one byte a label.",
        "source": "UCI Optical Recognition of Handwritten Digits (test set), as packed by scikit-learn's load_digits(). CC BY 4.0. "
                  "E. Alpaydin, C. Kaynak (1998), https://doi.org/10.24432/C50P49",
        "count": len(labels), "height": 8, "width": 8, "channels": 1, "maxValue": 16, "classes": 10,
        "imagesOffset": 0, "labelsOffset": int(images.size),
        "trainCount": len(labels) - held_back, "testCount": held_back, "testIs": "the last ones",
    }
    with open(os.path.join(DATA, "digits.json"), "w", encoding="utf-8") as f:
        json.dump(told, f, indent=2)
        f.write("\n")
    x = images[..., None].astype(np.float32) / 16
    y = labels.astype(np.int32)[:, None]
    split = told["trainCount"]
    return (x[:split], y[:split]), (x[split:], y[split:])


def build():
    model = tf.keras.Sequential([
        tf.keras.Input((8, 8, 1), name="image"),
        L.Conv2D(16, 3, padding="same", activation="relu", name="conv_1"),
        L.Conv2D(32, 3, padding="same", use_bias=False, name="conv_2"),
        L.BatchNormalization(name="norm"),
        L.ReLU(name="relu"),
        L.MaxPooling2D(2, name="pool"),
        L.Flatten(name="flatten"),
        L.Dropout(0.3, seed=1, name="dropout"),
        L.Dense(48, activation="relu", name="hidden"),
        L.Dense(10, activation="softmax", name="digit"),
    ], name="digits")
    model.compile(optimizer=tf.keras.optimizers.Adam(0.001), loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def main():
    train, test = write_data()
    tf.keras.utils.set_random_seed(7)
    model = build()
    model.fit(*train, batch_size=32, epochs=EPOCHS, verbose=0)
    loss, accuracy = model.evaluate(*test, verbose=0)
    assert accuracy >= 0.97, accuracy
    model.save(os.path.join(HERE, "digits.h5"), save_format="h5")
    folder = os.path.join(HERE, "digits")
    shutil.rmtree(folder, ignore_errors=True)
    model.save(folder)
    if not os.listdir(os.path.join(folder, "assets")):
        os.rmdir(os.path.join(folder, "assets"))
    told = {
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "trainedOn": {"epochs": EPOCHS, "batchSize": 32, "optimizer": "Adam(0.001)"},
        "test": {"loss": loss, "accuracy": accuracy},
        "firstTestPredictions": [[round(float(p), 8) for p in row] for row in model.predict(test[0][:8], verbose=0)],
        "firstTestLabels": test[1][:8, 0].tolist(),
    }
    with open(os.path.join(HERE, "digits.expected.json"), "w", encoding="utf-8") as f:
        json.dump(told, f, indent=1)
        f.write("\n")
    print(f"held-back fifth: loss {loss:.4f}, accuracy {accuracy:.4f}")


if __name__ == "__main__":
    main()
