"""The losses and output operators of `mxnet.nd` as of MXNet 1.9.1, on any backend.

An output operator returns a prediction, and hands back the gradient of a loss that is not computed,
whatever is done with the result. `name` is accepted and changes nothing; `out` is refused, as no
result is written into a given array.
"""

from __future__ import annotations

import math
from typing import Any, Literal

from unified_loss import losses
from unified_loss.dialects.functions import function
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction

__all__ = [
    "CTCLoss",
    "LinearRegressionOutput",
    "LogisticRegressionOutput",
    "MAERegressionOutput",
    "MakeLoss",
    "SVMOutput",
    "Softmax",
    "SoftmaxOutput",
    "ctc_loss",
    "make_loss",
    "smooth_l1",
    "softmax_cross_entropy",
]

_NAMESPACE = "mxnet.nd"
_NONE = Reduction("none")


@function(
    _NAMESPACE,
    data="prediction",
    label="target",
    data_lengths="prediction_lengths",
    label_lengths="target_lengths",
)
def ctc_loss(
    data: Any = None,
    label: Any = None,
    data_lengths: Any = None,
    label_lengths: Any = None,
    use_data_lengths: bool = False,
    use_label_lengths: bool = False,
    blank_label: Literal["first", "last"] = "first",
    out: None = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.ctc`; labels are padded with 0 if the blank is first, with -1 if it is last."""
    _check_choice("ctc_loss", "blank_label", blank_label, ("first", "last"))
    first = blank_label == "first"
    # A label of -1 only stands where it is not read.
    lowest = 0 if first and not use_label_lengths else -1
    length = Layout("batch", index=True, any_dtype=True, limit="prediction", required=use_data_lengths)
    return Plan.of(
        losses.ctc,
        layouts={
            "prediction": Layout(axes="TNC"),
            "target": Layout(
                "sequence", index=True, any_dtype=True, lowest_index=lowest, axes="NT"
            ),
            "prediction_lengths": length,
            "target_lengths": Layout(
                "batch", index=True, any_dtype=True, limit="target", required=use_label_lengths
            ),
        },
        reduction=_NONE,
        blank=0 if first else -1,
        padding=0 if first else -1,
    )


CTCLoss = ctc_loss


@function(_NAMESPACE, data="prediction", label="target")
def softmax_cross_entropy(
    data: Any = None, label: Any = None, out: None = None, name: str | None = None
) -> Plan:
    """The sum of `unified_loss.losses.sparse_softmax_cross_entropy`, in shape (1,).

    Probabilities count as at least 1e-8, but in the gradient.
    """
    return Plan.of(
        losses.sparse_softmax_cross_entropy,
        layouts={
            "prediction": Layout(axes="NC"),
            "target": Layout("without_axis", index=True, any_dtype=True),
        },
        reduction=Reduction("sum", shape=(1,)),
        probability_floor=1e-8,
    )


@function(_NAMESPACE, data="prediction")
def smooth_l1(data: Any = None, scalar: float = 1.0, out: None = None, name: str | None = None) -> Plan:
    """`unified_loss.losses.smooth_l1` of differences, whose `beta` is one over the square of `scalar`."""
    return Plan.of(
        losses.smooth_l1,
        layouts={"target": Layout(required=False)},
        reduction=_NONE,
        beta=1 / scalar**2 if scalar else math.inf,
    )


@function(_NAMESPACE, data="prediction", label="target")
def SoftmaxOutput(
    data: Any = None,
    label: Any = None,
    grad_scale: float = 1.0,
    ignore_label: float = -1.0,
    multi_output: bool = False,
    use_ignore: bool = False,
    preserve_shape: bool = False,
    normalization: Literal["null", "batch", "valid"] = "null",
    out_grad: bool = False,
    smooth_alpha: float = 0.0,
    out: None = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.softmax_output`; `smooth_alpha` is not read with `multi_output`.

    Against its documentation, `out_grad` multiplies the gradient by the output, not by what flows
    back into it.
    """
    _check_choice("SoftmaxOutput", "normalization", normalization, ("null", "batch", "valid"))
    none: Literal["none", "positions"] = "positions" if multi_output else "none"
    return Plan.of(
        losses.softmax_output,
        reduction=_NONE,
        axis=1 if multi_output else -1,
        flatten=not (multi_output or preserve_shape),
        gradient_scale=grad_scale,
        ignored_label=int(ignore_label),
        leaves_out_ignored=use_ignore,
        normalization={"null": none, "batch": "labels", "valid": "valid"}[normalization],
        times_output=out_grad,
        smoothing=0.0 if multi_output else smooth_alpha,
    )


Softmax = SoftmaxOutput


@function(_NAMESPACE, data="prediction", label="target")
def LinearRegressionOutput(
    data: Any = None,
    label: Any = None,
    grad_scale: float = 1.0,
    out: None = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.regression_output` of half the squared error."""
    return Plan.of(losses.regression_output, reduction=_NONE, gradient_scale=grad_scale)


@function(_NAMESPACE, data="prediction", label="target")
def LogisticRegressionOutput(
    data: Any = None,
    label: Any = None,
    grad_scale: float = 1.0,
    out: None = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.regression_output` of a logit."""
    return Plan.of(losses.regression_output, reduction=_NONE, link="sigmoid", gradient_scale=grad_scale)


@function(_NAMESPACE, data="prediction", label="target")
def MAERegressionOutput(
    data: Any = None,
    label: Any = None,
    grad_scale: float = 1.0,
    out: None = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.regression_output` of the absolute error."""
    return Plan.of(losses.regression_output, reduction=_NONE, error="absolute", gradient_scale=grad_scale)


@function(_NAMESPACE, data="prediction", label="target")
def SVMOutput(
    data: Any = None,
    label: Any = None,
    margin: float = 1.0,
    regularization_coefficient: float = 1.0,
    use_linear: bool = False,
    out: None = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.svm_output`."""
    return Plan.of(
        losses.svm_output,
        reduction=_NONE,
        margin=margin,
        coefficient=regularization_coefficient,
        linear=use_linear,
    )


@function(_NAMESPACE, data="prediction")
def MakeLoss(
    data: Any = None,
    grad_scale: float = 1.0,
    valid_thresh: float = 0.0,
    normalization: Literal["null", "batch", "valid"] = "null",
    out: None = None,
    name: str | None = None,
) -> Plan:
    """`unified_loss.losses.loss_output`."""
    _check_choice("MakeLoss", "normalization", normalization, ("null", "batch", "valid"))
    return Plan.of(
        losses.loss_output,
        reduction=_NONE,
        gradient_scale=grad_scale,
        normalization={"null": "none", "batch": "rows", "valid": "valid"}[normalization],
        threshold=valid_thresh,
    )


@function(_NAMESPACE, data="prediction")
def make_loss(data: Any = None, out: None = None, name: str | None = None) -> Plan:
    """`unified_loss.losses.loss_output`, with a gradient of 1."""
    return Plan.of(losses.loss_output, reduction=_NONE)


def _check_choice(function: str, argument: str, given: object, allowed: tuple[str, ...]) -> None:
    if given not in allowed:
        raise ValueError(f"{_NAMESPACE}.{function}: {argument} is {given!r}, expected one of {allowed}")
