"""MobileNetV2 and ResNet50 with weights that make their outputs depend on their inputs.

Random weights prove little: MobileNetV2 without training answers .001 for every class, whatever it sees. So the batch statistics are set by
one pass over a few images, and the last layer is scaled until the logits of different images differ.
"""

import numpy as np
import tensorflow as tf

ARCHITECTURES = {"MobileNetV2": tf.keras.applications.MobileNetV2, "ResNet50": tf.keras.applications.ResNet50}


def images(count, size, seed):
    """Colour fields of different contrast and brightness with different noise, clipped to −2…2."""
    numbers = np.random.default_rng(seed)
    coarse = numbers.normal(size=(count, 7, 7, 3)) * numbers.uniform(0.3, 1.5, size=(count, 1, 1, 3)) + numbers.normal(size=(count, 1, 1, 3))
    smooth = tf.image.resize(coarse.astype(np.float32), (size, size), method="bicubic").numpy()
    noise = numbers.normal(size=smooth.shape) * numbers.uniform(0, 1, size=(count, 1, 1, 1))
    return np.clip(smooth + noise, -2, 2).astype(np.float32)


def normalizations(model):
    return [layer for layer in model.layers if isinstance(layer, tf.keras.layers.BatchNormalization)]


def set_scales(model, seed):
    """A small gamma where a residual branch ends. With gammas of 1 the random network is chaotic: TensorFlow's own ResNet50 is then
    3e-4 off the exact (float64) answer, and with these 1e-5, so that 1e-4 can be asked of another implementation."""
    numbers = np.random.default_rng(seed)
    for layer in normalizations(model):
        channels = layer.gamma.shape[0]
        ends_branch = layer.name.endswith(("_3_bn", "project_BN"))
        layer.gamma.assign(numbers.uniform(0.1, 0.4, channels) if ends_branch else numbers.uniform(0.8, 1.2, channels))
        layer.beta.assign(numbers.normal(size=channels) * 0.1)


def set_statistics(model, batch):
    """Moving mean and variance become those of this batch."""
    momentums = [layer.momentum for layer in normalizations(model)]
    for layer in normalizations(model):
        layer.momentum = 0.0
    model(batch, training=True)
    for layer, momentum in zip(normalizations(model), momentums):
        layer.momentum = momentum


def spread_logits(model, batch):
    """Rescales the last kernel and bias: logits of mean 0 and standard deviation 2 over the images."""
    head = model.layers[-1]
    features = tf.keras.Model(model.input, model.layers[-2].output)(batch, training=False).numpy()
    logits = features @ head.kernel.numpy() + head.bias.numpy()
    mean = logits.mean(axis=0)
    scale = 2 / (logits - mean).std()
    head.kernel.assign(head.kernel * scale)
    head.bias.assign((head.bias - mean) * scale)


def calibrated(name, size=224):
    tf.keras.utils.set_random_seed(11)
    model = ARCHITECTURES[name](weights=None, input_shape=(size, size, 3))
    batch = images(6, size, seed=5)
    set_scales(model, seed=3)
    set_statistics(model, batch)
    spread_logits(model, batch)
    return model, batch[:2]
