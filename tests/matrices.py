"""Predictions with given confusion matrices."""

import numpy as np
from safetensors.numpy import save_file

from spl.analysis.predictions import Predictions


def predictions_of(matrices):
    """Predictions with these confusion matrices, (evaluations, classes, classes), of the same test images."""
    classes = len(matrices[0])
    kind = np.min_scalar_type(classes - 1)
    predicted = np.tile(np.arange(classes), classes)
    [images] = {tuple(np.sum(matrix, axis=1).tolist()) for matrix in matrices}
    return Predictions(
        np.stack([predicted.repeat(np.ravel(matrix)) for matrix in matrices]).astype(kind),
        np.arange(classes).repeat(images).astype(kind),
        classes,
    )


def write_predictions(path, matrices):
    """Write such predictions as a run does."""
    written = predictions_of(matrices)
    save_file({"predicted": written.predicted, "true": written.true}, path, {"classes": str(written.classes)})
