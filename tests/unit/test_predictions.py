"""The predictions of a run on disk, and the confusion matrices computed from them."""

import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from matrices import predictions_of, write_predictions
from sklearn.metrics import confusion_matrix
from train_job import train_parameter

from spl.analysis.predictions import Predictions, read_predictions
from spl.data.digits import read_digits
from spl.study.files import RunInputs
from spl.training.checkpoints import Checkpoints
from spl.training.evaluation import predict_test_images
from spl.training.run import train_run


@given(st.integers(2, 300), st.data())
def test_a_confusion_matrix_counts_test_images_by_true_and_predicted_class(classes, data):
    numbers = st.integers(0, classes - 1)
    pairs = data.draw(st.lists(st.tuples(numbers, numbers), min_size=1))
    true, predicted = np.array(pairs, np.min_scalar_type(classes - 1)).T
    matrix = Predictions(predicted[None], true, classes).confusion(0)
    assert matrix.dtype == np.int64
    assert (matrix == confusion_matrix(true, predicted, labels=np.arange(classes))).all()


@pytest.mark.parametrize(("classes", "kind"), [(3, np.uint8), (256, np.uint8), (257, np.uint16)])
def test_each_evaluation_has_its_matrix(tmp_path, classes, kind):
    matrices = [np.roll(2 * np.eye(classes, dtype=int), shift, axis=1) for shift in range(3)]
    write_predictions(tmp_path / "predictions.safetensors", matrices)
    predictions = read_predictions(tmp_path / "predictions.safetensors")
    assert predictions.predicted.dtype == predictions.true.dtype == kind
    assert np.array_equal(list(predictions.confusion_matrices()), matrices)
    assert np.array_equal(predictions.confusion(-1), matrices[-1])


def test_matrices_are_computed_one_at_a_time(monkeypatch):
    made = []
    monkeypatch.setattr(Predictions, "confusion", lambda self, evaluation: made.append(evaluation))
    next(iter(predictions_of([np.eye(2, dtype=int)] * 5).confusion_matrices()))
    assert made == [0]


def test_a_run_leaves_its_predictions_and_the_errors_that_follow_from_them(inputs, tmp_path):
    kept = Checkpoints(tmp_path / "checkpoints", 1e9, lambda line: None)
    train_run(
        json.loads(train_parameter()),
        RunInputs(inputs, inputs / "split.json"),
        tmp_path,
        lambda _: None,
        kept,
        lambda done: False,
    )
    predictions, metrics = read_predictions(tmp_path / "predictions.safetensors"), pd.read_csv(tmp_path / "metrics.csv")
    assert predictions.true.tolist() == read_digits().test_classes.tolist()
    assert predictions.predicted.shape == (len(metrics), 500)
    assert predictions.classes == 10
    errors = [1 - np.trace(matrix) / matrix.sum() for matrix in predictions.confusion_matrices()]
    assert errors == pytest.approx(metrics["test_error"].tolist())


@pytest.mark.parametrize(("classes", "kind"), [(256, np.uint8), (257, np.uint16)])
def test_predictions_have_the_numbers_of_the_data_set_s_classes_in_the_smallest_type(classes, kind):
    """A network whose outputs are the highest classes of the data set alone."""
    known = np.arange(classes - 3, classes)
    images = np.arange(3, dtype=np.uint8).reshape(3, 1, 1, 1)
    dataset = SimpleNamespace(test_images=images, test_classes=known, classes=classes)
    pools = SimpleNamespace(device=torch.device("cpu"), mean=torch.zeros(1), std=torch.ones(1))

    class Echo(torch.nn.Module):
        def forward(self, images):
            return torch.nn.functional.one_hot(images.flatten().long(), 3)

    predicted = predict_test_images(Echo(), {}, pools, dataset, known)
    assert predicted.dtype == kind
    assert predicted.tolist() == known.tolist()
