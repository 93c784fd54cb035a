"""Sparse labels, as some of TensorFlow's losses want them, made dense."""

from __future__ import annotations

from typing import Any

import numpy as np

from unified_loss.dispatch import to_numpy

__all__ = ["PADDING", "dense_rows"]

PADDING = -1
"""What ends a row that is shorter than the longest."""


def dense_rows(sparse: Any, *, collapse_repeated: bool = False) -> Any:
    """The rows of a sparse matrix as a NumPy array, padded at their ends.

    Parameters
    ----------
    sparse : a `tf.SparseTensor`, or anything else with its `indices`, `values` and `dense_shape`
    collapse_repeated : whether of equal values that follow each other only the first stays

    Returns
    -------
    numpy.ndarray
        Integers, one row for each of the first axis of `sparse`.

    Raises
    ------
    TypeError
        If it is no sparse matrix, or cannot be read.
    """
    parts = [getattr(sparse, name, None) for name in ("indices", "values", "dense_shape")]
    if any(part is None for part in parts):
        raise TypeError(f"labels are {type(sparse).__name__}, expected a SparseTensor")
    try:
        indices, values, shape = (np.asarray(to_numpy(part)) for part in parts)
    except (AttributeError, NotImplementedError, TypeError) as error:
        raise TypeError("sparse labels cannot be read inside a traced function") from error
    rows: list[list[int]] = [[] for _ in range(int(shape[0]))]
    for (row, *_), value in zip(indices.reshape(-1, 2).tolist(), values.tolist(), strict=True):
        if not (collapse_repeated and rows[row] and rows[row][-1] == value):
            rows[row].append(int(value))
    longest = max(map(len, rows), default=0)
    return np.array([row + [PADDING] * (longest - len(row)) for row in rows]).reshape(len(rows), longest)
