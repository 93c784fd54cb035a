"""The loss whose labels are a sparse matrix, beside TensorFlow's own where that is there."""

from __future__ import annotations

from collections import namedtuple

import numpy as np
import pytest

import unified_loss as ul
from unified_loss.dialects.tensorflow import nn
from unified_loss.dialects.tensorflow.compat.v1 import nn as nn_v1

Sparse = namedtuple("Sparse", "indices values dense_shape")
LOGITS = np.random.default_rng(5).normal(size=(7, 3, 4)).astype("float32")
FRAMES = np.array([7, 5, 6])
ROWS = [[1, 1, 0], [2], [0, 2, 2, 2]]


def sparse(rows):
    indices = [[i, j] for i, row in enumerate(rows) for j in range(len(row))]
    return Sparse(np.array(indices), np.array([x for row in rows for x in row]), (len(rows), 4))


def dense(rows, backend):
    logits, lengths = backend.asarray(LOGITS), backend.asarray(np.array([len(row) for row in rows]))
    labels = backend.asarray(np.array([row + [0] * (4 - len(row)) for row in rows]))
    return nn.ctc_loss(labels, logits, lengths, backend.asarray(FRAMES), blank_index=-1)


@pytest.mark.parametrize(
    ("kwargs", "rows"),
    [({}, ROWS), ({"preprocess_collapse_repeated": True}, [[1, 0], [2], [0, 2]])],
)
def test_it_is_the_loss_of_dense_labels(backend, kwargs, rows):
    logits, frames = backend.asarray(LOGITS), backend.asarray(FRAMES)
    by_time = nn_v1.ctc_loss(sparse(ROWS), logits, frames, **kwargs)
    logits = backend.asarray(LOGITS.transpose(1, 0, 2).copy())
    kwargs = {**kwargs, "sequence_length": frames, "time_major": False, "logits": logits}
    by_sample = nn_v1.ctc_loss(sparse(ROWS), **kwargs)
    for value in (by_time, by_sample):
        np.testing.assert_allclose(backend.to_numpy(value), backend.to_numpy(dense(rows, backend)), rtol=2e-5)


def test_labels_that_are_longer_than_their_frames():
    value = nn_v1.ctc_loss(sparse(ROWS), LOGITS, [7, 6, 3])
    assert np.isinf(value).tolist() == [False, False, True]
    value = nn_v1.ctc_loss(sparse(ROWS), LOGITS, [7, 6, 3], ignore_longer_outputs_than_inputs=True)
    assert value[2] == 0


@pytest.mark.parametrize("backend", ["tensorflow"], indirect=True)
@pytest.mark.parametrize(
    "kwargs",
    [
        {},
        {"preprocess_collapse_repeated": True},
        {"ctc_merge_repeated": False},
        {"ignore_longer_outputs_than_inputs": True, "time_major": False},
    ],
)
def test_ours_is_the_native_loss(backend, kwargs):
    tf = backend.framework
    logits = tf.constant(LOGITS if kwargs.get("time_major", True) else LOGITS.transpose(1, 0, 2))
    frames = tf.constant(FRAMES, "int32")
    labels = tf.SparseTensor(*(np.asarray(part, "int64") for part in sparse(ROWS)))
    labels = tf.SparseTensor(labels.indices, tf.cast(labels.values, "int32"), labels.dense_shape)
    results = []
    for loss in (nn_v1.ctc_loss, tf.compat.v1.nn.ctc_loss):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(labels, logits, frames, **kwargs)
        results.append((value.numpy(), tape.gradient(value, logits).numpy()))
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=2e-5)
    np.testing.assert_allclose(results[0][1], results[1][1], atol=2e-5)


def test_labels_that_are_not_sparse_are_refused():
    with pytest.raises(TypeError, match="labels are ndarray, expected a SparseTensor"):
        nn_v1.ctc_loss(np.array([[1, 2]]), LOGITS[:, :1], [7])
    with pytest.raises(ul.LabelError, match="labels holds 4, expected -1 to 3"):
        nn_v1.ctc_loss(sparse([[4], [1], [1]]), LOGITS, FRAMES)
