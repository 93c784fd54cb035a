"""Losses of a prediction that is a maximum over outputs: perceptrons, sparsemax, Fenchel-Young losses."""

from __future__ import annotations

from collections.abc import Callable

from unified_loss.layout import Layout
from unified_loss.ops import Array, Ops
from unified_loss.spec import spec

from .margin import hinge


@spec()
def perceptron(
    ops: Ops, prediction: Array, target: Array, /, *, gradient_at_zero: float = 0.0
) -> Array:
    r"""How far a score is on the wrong side of 0: `hinge` without a margin.

    .. math:: \ell = \max(0, -x y)

    Parameters
    ----------
    prediction : float array of scores, any shape
    target : array of the same shape, labels -1 and 1
    gradient_at_zero : the share of the gradient that there is at a score of 0: 0, 0.5 or 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction`; its dtype.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A score of 0 is right on both sides. At it the gradient is 0 (0.5 of the slope in JAX). NaN
    gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.perceptron([0.5, -2.0], [-1.0, -1.0]))
    0.25

    References
    ----------
    F. Rosenblatt, The Perceptron: A Probabilistic Model for Information Storage and Organization in
    the Brain, 1958
    """
    return hinge.formula(ops, prediction, target, margin=0.0, gradient_at_zero=gradient_at_zero)


@spec(target=Layout(shape="without_axis", index=True))
def multiclass_perceptron(ops: Ops, prediction: Array, target: Array, /) -> Array:
    r"""How much the greatest score exceeds that of the label.

    .. math:: \ell = \max_c x_c - x_y

    Parameters
    ----------
    prediction : float array of scores, classes along the last axis
    target : integer array of the same shape without that axis, class indices from 0
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Classes that tie for the greatest score share the gradient. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.multiclass_perceptron([[1.0, 3.0, 2.5]], [2]))
    0.5

    References
    ----------
    M. Collins, Discriminative Training Methods for Hidden Markov Models: Theory and Experiments with
    Perceptron Algorithms, 2002
    """
    return ops.even_max(prediction, axis=-1) - _score_of(ops, prediction, _indicator(ops, prediction, target))


@spec(target=Layout(shape="without_axis", index=True))
def multiclass_hinge(
    ops: Ops, prediction: Array, target: Array, /, *, margin: float = 1.0
) -> Array:
    r"""How much the greatest score, the others ahead by a margin, exceeds that of the label.

    .. math:: \ell = \max_c (x_c + m [c \ne y]) - x_y

    Parameters
    ----------
    prediction : float array of scores, classes along the last axis
    target : integer array of the same shape without that axis, class indices from 0
    margin : the margin m
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Only the worst class counts; `multi_margin` adds all up. Classes that tie share the gradient.
    NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.multiclass_hinge([[1.0, 3.0, 2.5]], [2]))
    1.5

    References
    ----------
    K. Crammer, Y. Singer, On the Algorithmic Implementation of Multiclass Kernel-based Vector
    Machines, 2001
    """
    label = _indicator(ops, prediction, target)
    return ops.even_max(prediction + margin * (1 - label), axis=-1) - _score_of(ops, prediction, label)


def _indicator(ops: Ops, prediction: Array, target: Array) -> Array:
    classes = ops.shape(prediction)[-1]
    return ops.one_hot(target, classes, dtype=ops.dtype(prediction), like=prediction)


def _score_of(ops: Ops, prediction: Array, label: Array) -> Array:
    return ops.sum(ops.multiply_no_nan(prediction, label), axis=-1)


@spec()
def sparsemax(ops: Ops, prediction: Array, target: Array, /) -> Array:
    r"""Binary sparsemax loss: logistic loss, but exactly 0 once the score is beyond a margin of 1.

    .. math:: \ell = \begin{cases} 0 & s \le -1 \\ \frac14 (s + 1)^2 & -1 < s < 1 \\ s & s \ge 1
              \end{cases}, \qquad s = \begin{cases} -x & y \ne 0 \\ x & y = 0 \end{cases}

    Parameters
    ----------
    prediction : float array of scores, any shape
    target : array of the same shape, labels 0 and 1
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction`; its dtype.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    Value and gradient are continuous. Any label but 0 counts as 1. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.sparsemax([0.0, 3.0], [1.0, 0.0]))
    1.625

    References
    ----------
    M. Blondel, A. F. T. Martins, V. Niculae, Learning with Fenchel-Young Losses, 2020,
    https://arxiv.org/abs/1901.02324
    """
    score = ops.where(target != 0, -prediction, prediction)
    return 0.25 * ops.square(ops.clip(score + 1, min=0.0, max=2.0)) + ops.relu(score - 1)


@spec(target=Layout(shape="without_axis", index=True))
def multiclass_sparsemax(ops: Ops, prediction: Array, target: Array, /) -> Array:
    r"""Cross-entropy's counterpart for sparse probabilities, the projection of scores to the simplex.

    .. math:: \ell = \sum_c p_c (x_c - x_y) + \tfrac12 \Bigl(1 - \sum_c p_c^2\Bigr), \qquad
              p = \operatorname{argmin}_{q \in \Delta} \lVert q - x \rVert_2

    Parameters
    ----------
    prediction : float array of scores, classes along the last axis
    target : integer array of the same shape without that axis, class indices from 0
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `target`.

    Raises
    ------
    ShapeError, DtypeError, IndexError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    The loss is 0 once the label's score is 1 above all others. The gradient is p, less 1 at the
    label. NaN gives NaN.

    Examples
    --------
    >>> import unified_loss as ul
    >>> float(ul.losses.multiclass_sparsemax([[0.0, 0.5, -2.0]], [0]))
    0.5625

    References
    ----------
    A. F. T. Martins, R. F. Astudillo, From Softmax to Sparsemax: A Sparse Model of Attention and
    Multi-Label Classification, 2016, https://arxiv.org/abs/1602.02068
    """
    # The loss is stationary in p, which is why its gradient is that for a fixed p; its second
    # derivative is that of p.
    projected = _projected_to_simplex(ops, prediction)
    p = ops.stop_gradient(projected)
    label = ops.take_along_axis(prediction, ops.expand_dims(target, axis=-1), axis=-1)
    ahead = ops.sum(ops.multiply_no_nan(prediction - label, p), axis=-1)
    ahead = ahead + ops.sum(ops.zero_with_derivative(prediction, projected - p), axis=-1)
    return ahead + 0.5 * (1 - ops.sum(ops.square(p), axis=-1))


def _projected_to_simplex(ops: Ops, x: Array) -> Array:
    """The nearest distribution: what exceeds a threshold that makes it sum to 1."""
    shifted = x - ops.max(x, axis=-1, keepdims=True)
    descending = -ops.sort(-shifted, axis=-1)
    total = ops.cumulative_sum(descending, axis=-1)
    rank = 1 + ops.arange(ops.shape(x)[-1], dtype=ops.dtype(x), like=x)
    kept = 1 + rank * descending > total
    share = ops.astype(kept, ops.dtype(x))
    count = ops.sum(share, axis=-1, keepdims=True)
    threshold = (ops.sum(ops.where(kept, descending, 0.0), axis=-1, keepdims=True) - 1) / count
    return ops.relu(shifted - threshold)


@spec(in_blocks=False)
def fenchel_young(
    ops: Ops,
    prediction: Array,
    target: Array,
    /,
    *,
    max_function: Callable[[Array], Array],
    vectorized: bool = True,
) -> Array:
    r"""How much a maximum over outputs exceeds the value of the target.

    .. math:: \ell = \Omega^*(x) - \langle x, y \rangle

    With the log-sum-exp as the maximum it is `softmax_cross_entropy`, with the plain one
    `multiclass_perceptron`.

    Parameters
    ----------
    prediction : float array of scores, vectors along the last axis
    target : array of the same shape, points of the set over which the maximum is taken
    max_function : the maximum, a function of the tensors of the framework that is run on
    vectorized : whether it reduces the last axis of any array; if not, it is called for each vector
    weight, reduction, backend : as for every loss, see `unified_loss.losses`

    Returns
    -------
    array
        A scalar, or with ``reduction="none"`` the shape of `prediction` without the last axis.

    Raises
    ------
    ShapeError, DtypeError
        As for every loss, see `unified_loss.losses`.

    Notes
    -----
    A smooth or subdifferentiable `max_function` gives the loss the gradient
    :math:`\nabla \Omega^*(x) - y`.

    Examples
    --------
    >>> import numpy as np, unified_loss as ul
    >>> worst = lambda x: np.max(x, axis=-1)
    >>> float(ul.losses.fenchel_young([[1.0, 3.0]], [[1.0, 0.0]], max_function=worst))
    2.0

    References
    ----------
    M. Blondel, A. F. T. Martins, V. Niculae, Learning with Fenchel-Young Losses, 2020,
    https://arxiv.org/abs/1901.02324
    """
    return _maximum(ops, prediction, max_function, vectorized) - ops.sum(target * prediction, axis=-1)


def _maximum(ops: Ops, x: Array, function: Callable[[Array], Array], vectorized: bool) -> Array:
    shape = ops.shape(x)
    if vectorized or len(shape) == 1:
        return function(x)
    vectors = ops.unstack(ops.reshape(x, (-1, shape[-1])), axis=0)
    return ops.reshape(ops.stack([function(v) for v in vectors], axis=0), shape[:-1])
