"""`mxnet.gluon.loss` as of MXNet 1.9.1, on any backend.

Labels are reshaped to the prediction's shape whenever they have as many elements. Each loss is
averaged over all axes but `batch_axis`, except where its docstring says otherwise.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

from unified_loss import losses
from unified_loss.dialects.row import DialectLoss
from unified_loss.errors import ConfigError
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction, ReductionKind
from unified_loss.spec import Spec
from unified_loss.weighting import Weighting

__all__ = [
    "CTCLoss",
    "CosineEmbeddingLoss",
    "HingeLoss",
    "HuberLoss",
    "KLDivLoss",
    "L1Loss",
    "L2Loss",
    "LogisticLoss",
    "Loss",
    "PoissonNLLLoss",
    "SDMLLoss",
    "SigmoidBCELoss",
    "SigmoidBinaryCrossEntropyLoss",
    "SoftmaxCELoss",
    "SoftmaxCrossEntropyLoss",
    "SquaredHingeLoss",
    "TripletLoss",
]

T = TypeVar("T")

_RESHAPED = Layout(any_shape=True)
_SIGNED = Layout(any_shape=True, signed=True)
# `pick` truncates float labels and clips them into range.
_CLASS = Layout(shape="without_axis", any_shape=True, index=True, any_dtype=True, out_of_range="clip")


class Loss(DialectLoss, namespace="mxnet.gluon.loss"):
    """The base of Gluon's losses."""

    arguments = {
        "prediction": "pred",
        "target": "label",
        "weight": "sample_weight",
        "positive_weight": "pos_weight",
        "prediction_lengths": "pred_lengths",
        "target_lengths": "label_lengths",
    }
    ignored_keywords = ("prefix", "params")

    def _plan(
        self,
        spec: Spec,
        scale: float | None,
        kind: ReductionKind = "mean",
        kept_axis: int | None = None,
        shape: tuple[int, ...] | None = None,
        layouts: dict[str, Layout] | None = None,
        **parameters: Any,
    ) -> Plan:
        return Plan.of(
            spec,
            layouts={"target": _RESHAPED} if layouts is None else layouts,
            weighting=Weighting(1.0 if scale is None else float(scale)),
            reduction=Reduction(kind, kept_axis, shape),
            **parameters,
        )


class _LossOfLabel(Loss):
    """The base of the losses that are called with a prediction and a label."""

    def __call__(self, pred: T, label: T, sample_weight: T | None = None) -> T:
        """Losses of shape (batch,)."""
        return self.evaluate(pred, label, sample_weight)


class L2Loss(_LossOfLabel):
    """Half the squared error, `unified_loss.losses.squared_error`."""

    weight: float | None = 1.0
    batch_axis: int = 0

    def lower(self) -> Plan:
        """The plan; the formula is halved through the weight."""
        scale = 0.5 if self.weight is None else self.weight / 2
        return self._plan(losses.squared_error, scale, kept_axis=self.batch_axis)


class L1Loss(_LossOfLabel):
    """`unified_loss.losses.absolute_error`."""

    weight: float | None = None
    batch_axis: int = 0

    def lower(self) -> Plan:
        """The plan."""
        return self._plan(losses.absolute_error, self.weight, kept_axis=self.batch_axis)


class SigmoidBinaryCrossEntropyLoss(Loss):
    """`unified_loss.losses.binary_cross_entropy_with_logits`, or of probabilities if `from_sigmoid`."""

    from_sigmoid: bool = False
    weight: float | None = None
    batch_axis: int = 0

    def lower(self) -> Plan:
        """The plan."""
        axis = self.batch_axis
        if not self.from_sigmoid:
            return self._plan(losses.binary_cross_entropy_with_logits, self.weight, kept_axis=axis)
        return self._plan(
            losses.binary_cross_entropy,
            self.weight,
            kept_axis=axis,
            log_floor=None,
            log_epsilon=1e-12,
            gradient_floor=None,
        )

    def __call__(
        self, pred: T, label: T, sample_weight: T | None = None, pos_weight: T | None = None
    ) -> T:
        """Losses of shape (batch,)."""
        return self.evaluate(pred, label, pos_weight, sample_weight)


SigmoidBCELoss = SigmoidBinaryCrossEntropyLoss


class SoftmaxCrossEntropyLoss(Loss):
    """`unified_loss.losses.sparse_softmax_cross_entropy`, or of distributions if not `sparse_label`.

    `from_logits` means, against its name, that `pred` holds log-probabilities.
    """

    axis: int = -1
    sparse_label: bool = True
    from_logits: bool = False
    weight: float | None = None
    batch_axis: int = 0

    def lower(self) -> Plan:
        """The plan; the class axis stays until the mean, which counts `batch_axis` with it."""
        return self._plan(
            losses.sparse_softmax_cross_entropy if self.sparse_label else losses.softmax_cross_entropy,
            self.weight,
            kept_axis=self.batch_axis,
            layouts={"target": _CLASS if self.sparse_label else _RESHAPED},
            axis=self.axis,
            from_log_probabilities=self.from_logits,
            keepdims=True,
        )

    def __call__(self, pred: T, label: T, sample_weight: T | None = None) -> T:
        """Losses of shape (batch,)."""
        return self.evaluate(pred, label, None, sample_weight)


SoftmaxCELoss = SoftmaxCrossEntropyLoss


class KLDivLoss(_LossOfLabel):
    """`unified_loss.losses.kl_divergence`, summed, not averaged, over all axes but `batch_axis`.

    `from_logits` means, against its name, that `pred` holds log-probabilities.
    """

    from_logits: bool = True
    axis: int = -1
    weight: float | None = None
    batch_axis: int = 0

    def lower(self) -> Plan:
        """The plan; MXNet 1.7, 1.8 and 2.0 average where 1.9 sums."""
        return self._plan(
            losses.kl_divergence,
            self.weight,
            kind="sum",
            kept_axis=self.batch_axis,
            layouts={},
            axis=self.axis,
            from_logits=not self.from_logits,
            log_epsilon=1e-12,
        )


class CTCLoss(Loss):
    """`unified_loss.losses.ctc`, the blank being the last class; labels are padded with -1."""

    layout: Literal["NTC", "TNC"] = "NTC"
    label_layout: Literal["NT", "TN"] = "NT"
    weight: float | None = None

    def lower(self) -> Plan:
        """The plan."""
        for name, value, allowed in (
            ("layout", self.layout, ("NTC", "TNC")),
            ("label_layout", self.label_layout, ("NT", "TN")),
        ):
            if value not in allowed:
                raise ConfigError(f"{self.native_name}: {name} is {value!r}, expected one of {allowed}")
        return self._plan(
            losses.ctc,
            self.weight,
            kind="none",
            layouts={
                "prediction": Layout(axes=self.layout),
                "target": Layout(
                    "sequence", index=True, any_dtype=True, lowest_index=-1, axes=self.label_layout
                ),
                "prediction_lengths": Layout("batch", index=True, any_dtype=True, limit="prediction"),
                "target_lengths": Layout("batch", index=True, any_dtype=True, limit="target"),
            },
            blank=-1,
        )

    def __call__(
        self,
        pred: T,
        label: T,
        pred_lengths: T | None = None,
        label_lengths: T | None = None,
        sample_weight: T | None = None,
    ) -> T:
        """Losses of shape (batch,)."""
        return self.evaluate(pred, label, pred_lengths, label_lengths, sample_weight)


class HuberLoss(_LossOfLabel):
    """`unified_loss.losses.smooth_l1` with `rho` as its `beta`; not what others call Huber."""

    rho: float = 1
    weight: float | None = None
    batch_axis: int = 0

    def lower(self) -> Plan:
        """The plan."""
        return self._plan(losses.smooth_l1, self.weight, kept_axis=self.batch_axis, beta=self.rho)


class HingeLoss(_LossOfLabel):
    """`unified_loss.losses.hinge`."""

    margin: float = 1
    weight: float | None = None
    batch_axis: int = 0

    def lower(self) -> Plan:
        """The plan."""
        return self._plan(losses.hinge, self.weight, kept_axis=self.batch_axis, margin=self.margin)


class SquaredHingeLoss(_LossOfLabel):
    """`unified_loss.losses.squared_hinge`."""

    margin: float = 1
    weight: float | None = None
    batch_axis: int = 0

    def lower(self) -> Plan:
        """The plan."""
        return self._plan(losses.squared_hinge, self.weight, kept_axis=self.batch_axis, margin=self.margin)


class LogisticLoss(Loss):
    """`unified_loss.losses.binary_cross_entropy_with_logits`, by default of labels -1 and 1."""

    weight: float | None = None
    batch_axis: int = 0
    label_format: Literal["signed", "binary"] = "signed"

    def lower(self) -> Plan:
        """The plan."""
        if self.label_format not in ("signed", "binary"):
            raise ConfigError(
                f"{self.native_name}: label_format is {self.label_format!r}, expected 'signed' or 'binary'"
            )
        return self._plan(
            losses.binary_cross_entropy_with_logits,
            self.weight,
            kept_axis=self.batch_axis,
            layouts={"target": _SIGNED if self.label_format == "signed" else _RESHAPED},
        )

    def __call__(self, pred: T, label: T, sample_weight: T | None = None) -> T:
        """Losses of shape (batch,)."""
        return self.evaluate(pred, label, None, sample_weight)


class TripletLoss(Loss):
    """`unified_loss.losses.triplet`, of squared distances."""

    margin: float = 1
    weight: float | None = None
    batch_axis: int = 0

    arguments = {"anchor": "pred"}

    def lower(self) -> Plan:
        """The plan."""
        return self._plan(
            losses.triplet,
            self.weight,
            kind="none",
            layouts={"positive": _RESHAPED, "negative": _RESHAPED},
            margin=self.margin,
            batch_axis=self.batch_axis,
        )

    def __call__(self, pred: T, positive: T, negative: T) -> T:
        """Losses of shape (batch,)."""
        return self.evaluate(pred, positive, negative, None)


class PoissonNLLLoss(Loss):
    """`unified_loss.losses.poisson_nll`, averaged over everything, in shape (1,)."""

    weight: float | None = None
    from_logits: bool = True
    batch_axis: int = 0
    compute_full: bool = False

    arguments = {"prediction": "pred", "target": "target", "weight": "sample_weight"}
    call_parameters = {"epsilon": 1e-08}

    def lower(self, epsilon: float = 1e-08) -> Plan:
        """The plan, for the epsilon of a call."""
        return self._plan(
            losses.poisson_nll,
            self.weight,
            shape=(1,),
            log_input=self.from_logits,
            full=self.compute_full,
            epsilon=epsilon,
        )

    def __call__(self, pred: T, target: T, sample_weight: T | None = None, epsilon: float = 1e-08) -> T:
        """The loss, of shape (1,)."""
        return self.at(epsilon=epsilon).evaluate(pred, target, sample_weight)


class CosineEmbeddingLoss(Loss):
    """`unified_loss.losses.cosine_embedding`, in shape (batch, 1)."""

    weight: float | None = None
    batch_axis: int = 0
    margin: float = 0

    arguments = {"first": "input1", "second": "input2", "target": "label", "weight": "sample_weight"}

    def lower(self) -> Plan:
        """The plan."""
        return self._plan(
            losses.cosine_embedding,
            self.weight,
            kind="none",
            shape=(-1, 1),
            layouts={"target": Layout(shape="without_axis", any_shape=True)},
            margin=self.margin,
            keepdims=True,
        )

    def __call__(self, input1: T, input2: T, label: T, sample_weight: T | None = None) -> T:
        """Losses of shape (batch, 1)."""
        return self.evaluate(input1, input2, label, sample_weight)


class SDMLLoss(Loss):
    """`unified_loss.losses.sdml`; `weight` and `batch_axis` are accepted and, as in MXNet, not read."""

    smoothing_parameter: float = 0.3
    weight: float | None = 1.0
    batch_axis: int = 0

    arguments = {"first": "x1", "second": "x2"}

    def lower(self) -> Plan:
        """The plan."""
        return self._plan(losses.sdml, None, kind="none", layouts={}, smoothing=self.smoothing_parameter)

    def __call__(self, x1: T, x2: T) -> T:
        """Losses of shape (batch,)."""
        return self.evaluate(x1, x2, None)
