"""Commands of check.py about weights of subclassed models: what Keras reads of ours."""

import numpy as np
import tensorflow as tf

from generate import record
from generate.subclassed_models import Mixed


def load(request, tensors):
    """A new Mixed with the weights of a file, all of which a checkpoint's status has to call consumed; then training steps."""
    x, y = (np.asarray(request[key], np.float32) for key in ("x", "y"))
    model = Mixed()
    model.predict(x[:1], verbose=0)
    model.compile(tf.keras.optimizers.Adam(0.5), "mse", metrics=["mae"])
    model.optimizer.build(model.trainable_variables)
    for variable in model.weights + model.optimizer.variables:
        variable.assign(tf.zeros_like(variable))
    if request["how"] == "Checkpoint":
        tf.train.Checkpoint(model=model, optimizer=model.optimizer).restore(request["weights"]).assert_consumed()
    else:
        status = model.load_weights(request["weights"])
        if status is not None:
            status.assert_consumed()
    told = {"weights": record.describe_weights(model, tensors), "optimizer": record.describe_optimizer(model.optimizer, tensors)}
    told["logs"] = [record.logs_of(model.train_on_batch(x, y, return_dict=True)) for _ in range(request["steps"])]
    return told


COMMANDS = {"load": load}
