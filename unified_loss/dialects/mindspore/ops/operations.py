"""The loss primitives of `mindspore.ops`, as `mindspore.ops.operations` has them too."""

from __future__ import annotations

from typing import Literal, TypeVar

from unified_loss import losses
from unified_loss.dialects.functions import Plans
from unified_loss.dialects.mindspore import plans
from unified_loss.dialects.mindspore.plans import BatchChoice, Choice
from unified_loss.dialects.row import DialectLoss
from unified_loss.dispatch import to_numpy
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction, check_reduction
from unified_loss.weighting import Weighting

from . import function

__all__ = [
    "BCEWithLogitsLoss",
    "BinaryCrossEntropy",
    "CTCLoss",
    "CTCLossV2",
    "KLDivLoss",
    "L2Loss",
    "MultiMarginLoss",
    "MultilabelMarginLoss",
    "NLLLoss",
    "RNNTLoss",
    "SigmoidCrossEntropyWithLogits",
    "SmoothL1Loss",
    "SoftMarginLoss",
    "SoftmaxCrossEntropyWithLogits",
    "SparseSoftmaxCrossEntropyWithLogits",
    "TripletMarginLoss",
]

T = TypeVar("T")


class _OfLabels(DialectLoss, namespace="mindspore.ops"):
    arguments = {"prediction": "logits", "target": "labels", "class_weight": "weight"}

    def __call__(self, logits: T, labels: T) -> T:
        """A scalar, or unreduced losses."""
        return self.evaluate(logits, labels)


class SmoothL1Loss(DialectLoss, namespace="mindspore.ops", function=function.smooth_l1_loss):
    """`unified_loss.losses.smooth_l1`, by default not reduced."""

    beta: float = 1.0
    reduction: Choice = "none"

    arguments = {"prediction": "prediction"}

    def __call__(self, prediction: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of the shape of `prediction`."""
        return self.evaluate(prediction, target)


class L2Loss(DialectLoss, namespace="mindspore.ops"):
    """Half the sum of `unified_loss.losses.squared_error` from 0."""

    arguments = {"prediction": "input_x"}

    def lower(self) -> Plan:
        """The plan."""
        return Plan.of(
            losses.squared_error,
            layouts={"target": Layout(required=False)},
            weighting=Weighting(0.5),
            reduction=Reduction("sum"),
        )

    def __call__(self, input_x: T) -> T:
        """A scalar."""
        return self.evaluate(input_x)


# --------------------------------------------------------------------------------- binary


class BinaryCrossEntropy(DialectLoss, namespace="mindspore.ops", function=function.binary_cross_entropy):
    """`unified_loss.losses.binary_cross_entropy` of probabilities."""

    reduction: Choice = "mean"

    arguments = {"prediction": "input", "target": "target"}

    def __call__(self, input: T, target: T, weight: T | None = None) -> T:
        """A scalar, or with ``reduction="none"`` losses of the shape of `input`."""
        return self.evaluate(input, target, None, weight)


class BCEWithLogitsLoss(
    DialectLoss, namespace="mindspore.ops", function=function.binary_cross_entropy_with_logits
):
    """`unified_loss.losses.binary_cross_entropy_with_logits`; the weights do not enter the mean."""

    reduction: Choice = "mean"

    arguments = {"positive_weight": "posWeight"}

    def __call__(self, input: T, target: T, weight: T | None = None, posWeight: T | None = None) -> T:
        """A scalar, or with ``reduction="none"`` losses of the shape of `input`."""
        return self.evaluate(input, target, posWeight, weight)


class SigmoidCrossEntropyWithLogits(_OfLabels):
    """`unified_loss.losses.binary_cross_entropy_with_logits`, unreduced; labels have no gradient."""

    def lower(self) -> Plan:
        """The plan."""
        return Plan.of(
            losses.binary_cross_entropy_with_logits,
            layouts={"target": Layout(detached=True)},
            reduction=Reduction("none"),
        )


class SoftMarginLoss(DialectLoss, namespace="mindspore.ops", function=function.soft_margin_loss):
    """`unified_loss.losses.soft_margin`, which MindSpore has no CPU kernel for."""

    reduction: Choice = "mean"

    def __call__(self, input: T, target: T) -> T:
        """A scalar, or with ``reduction="none"`` losses of the shape of `input`."""
        return self.evaluate(input, target)


# ---------------------------------------------------------------------------- categorical


class SoftmaxCrossEntropyWithLogits(DialectLoss, namespace="mindspore.ops"):
    """`unified_loss.losses.softmax_cross_entropy` of each sample, and its gradient by the logits.

    The gradient is that for a distribution that sums to 1, also where it does not.
    """

    arguments = {"prediction": "logits", "target": "labels"}

    def lower(self) -> tuple[Plan, Plan]:
        """The plans of both outputs."""
        loss = plans.softmax_cross_entropy(sparse=False, reduction=Reduction("none"))
        return loss, Plan.of(losses.softmax_residual, reduction=Reduction("none"))

    def __call__(self, logits: T, labels: T) -> tuple[T, T]:
        """Losses of shape (N,), and the gradient, of the shape of `logits`."""
        return self.outputs(logits, labels)  # type: ignore[no-any-return]


class SparseSoftmaxCrossEntropyWithLogits(_OfLabels):
    """The mean `unified_loss.losses.sparse_softmax_cross_entropy`, or its gradient by the logits."""

    is_grad: bool = False

    def lower(self) -> Plan:
        """The plan; with `is_grad`, that of the gradient."""
        if not self.is_grad:
            return plans.softmax_cross_entropy(sparse=True, reduction=Reduction("mean"))
        return Plan.of(
            losses.softmax_residual,
            layouts={"target": Layout("without_axis", index=True, one_hot=True)},
            reduction=Reduction("none"),
            per_sample=True,
        )


class NLLLoss(DialectLoss, namespace="mindspore.ops"):
    """`unified_loss.losses.nll`, and the sum of the weights of the classes that are not ignored."""

    reduction: Choice = "mean"
    ignore_index: int = -100

    arguments = {"prediction": "logits", "target": "labels", "class_weight": "weight"}

    def lower(self) -> tuple[Plan, Plan]:
        """The plans of both outputs."""
        loss = plans.strict_nll(self.reduction, self.ignore_index, self.native_name)
        return loss, plans.total_weight(loss)

    def __call__(self, logits: T, labels: T, weight: T) -> tuple[T, T]:
        """A scalar, or with ``reduction="none"`` losses of shape (N,); and a scalar."""
        return self.outputs(logits, labels, weight)  # type: ignore[no-any-return]


class MultiMarginLoss(DialectLoss, namespace="mindspore.ops"):
    """`unified_loss.losses.multi_margin`."""

    p: int = 1
    margin: float = 1.0
    reduction: Choice = "mean"

    arguments = {"prediction": "x", "target": "target", "class_weight": "weight"}

    def lower(self) -> Plan:
        """The plan."""
        return plans.multi_margin(self.p, self.margin, self.reduction, self.native_name)

    def __call__(self, x: T, target: T, weight: T | None = None) -> T:
        """A scalar, or with ``reduction="none"`` losses of shape (N,)."""
        return self.evaluate(x, target, weight)


class MultilabelMarginLoss(DialectLoss, namespace="mindspore.ops"):
    """`unified_loss.losses.multilabel_margin`, and which classes are targets, as 0 and 1.

    MindSpore has no CPU kernel for it.
    """

    reduction: Choice = "mean"

    arguments = {"prediction": "x"}

    def lower(self) -> tuple[Plan, Plan]:
        """The plans of both outputs."""
        loss = plans.multilabel_margin(self.reduction, self.native_name)
        membership = Plan.of(
            losses.label_membership, reduction=Reduction("none"), unbatched=1, dtype="int32"
        )
        return loss, membership

    def __call__(self, x: T, target: T) -> tuple[T, T]:
        """A scalar, or with ``reduction="none"`` losses of shape (N,); and (N, C)."""
        return self.outputs(x, target)  # type: ignore[no-any-return]


class KLDivLoss(_OfLabels, function=function.kl_div):
    """`unified_loss.losses.kl_divergence` from log-probabilities; `mean` divides by all their number."""

    reduction: BatchChoice = "mean"


# ------------------------------------------------------------------ triplets and sequences


class TripletMarginLoss(DialectLoss, namespace="mindspore.ops"):
    """`unified_loss.losses.triplet_margin`, which MindSpore has no CPU kernel for."""

    p: int = 2
    swap: bool = False
    eps: float = 1e-06
    reduction: Choice = "mean"

    arguments = {"anchor": "x"}
    call_parameters = {"margin": 1.0}

    def lower(self, margin: float = 1.0) -> Plan:
        """The plan, for the margin of a call."""
        return plans.triplet_margin(margin, self.p, self.eps, self.swap, self.reduction, self.native_name)

    def __call__(self, x: T, positive: T, negative: T, margin: T) -> T:
        """A scalar, or with ``reduction="none"`` one loss per triplet."""
        return self.at(margin=float(to_numpy(margin))).evaluate(x, positive, negative)


class CTCLossV2(DialectLoss, namespace="mindspore.ops", function=function.ctc_loss):
    """`unified_loss.losses.ctc` of log-probabilities, and the logarithms of its forward probabilities."""

    blank: int = 0
    reduction: Literal["none"] = "none"
    zero_infinity: bool = False

    def lower(self) -> Plans:
        """The plans of both outputs."""
        check_reduction(self.reduction, f"{self.native_name}: reduction", ("none",))
        return super().lower()

    def __call__(
        self, log_probs: T, targets: T, input_lengths: T, target_lengths: T
    ) -> tuple[T, T]:
        """Losses of shape (N,), and (N, T, 2 L + 1)."""
        return self.outputs(log_probs, targets, input_lengths, target_lengths)  # type: ignore[no-any-return]


class CTCLoss(DialectLoss, namespace="mindspore.ops"):
    """`unified_loss.losses.sparse_ctc` of logits, the blank being the last class, and its gradient.

    A sample with more labels than frames has an infinite loss, whatever
    `ignore_longer_outputs_than_inputs` is.
    """

    preprocess_collapse_repeated: bool = False
    ctc_merge_repeated: bool = True
    ignore_longer_outputs_than_inputs: bool = False

    arguments = {
        "prediction": "x",
        "positions": "labels_indices",
        "target": "labels_values",
        "prediction_lengths": "sequence_length",
    }

    def lower(self) -> tuple[Plan, Plan]:
        """The plans of both outputs."""
        loss = Plan.of(
            losses.sparse_ctc,
            reduction=Reduction("none"),
            collapse_repeated=self.preprocess_collapse_repeated,
            merge_repeated=self.ctc_merge_repeated,
        )
        return loss, plans.with_parameters(loss, output="gradient")

    def __call__(self, x: T, labels_indices: T, labels_values: T, sequence_length: T) -> tuple[T, T]:
        """Losses of shape (N,), and the gradient, of the shape of `x`."""
        return self.outputs(x, labels_indices, labels_values, sequence_length)  # type: ignore[no-any-return]


class RNNTLoss(DialectLoss, namespace="mindspore.ops"):
    """`unified_loss.losses.rnnt` of logits, and its gradient, which MindSpore has no CPU kernel for."""

    blank_label: int = 0

    arguments = {
        "prediction": "acts",
        "target": "labels",
        "prediction_lengths": "input_length",
        "target_lengths": "label_length",
    }

    def lower(self) -> tuple[Plan, Plan]:
        """The plans of both outputs."""
        unreduced = Reduction("none")
        loss = Plan.of(losses.rnnt, reduction=unreduced, blank=self.blank_label)
        return loss, Plan.of(losses.rnnt_gradient, reduction=unreduced, blank=self.blank_label)

    def __call__(self, acts: T, labels: T, input_length: T, label_length: T) -> tuple[T, T]:
        """Losses of shape (N,), and the gradient, of the shape of `acts`."""
        return self.outputs(acts, labels, input_length, label_length)  # type: ignore[no-any-return]
