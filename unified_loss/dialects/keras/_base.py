"""What the losses of Keras have in common."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any, Literal, TypeVar

from unified_loss.dialects.row import DialectLoss
from unified_loss.errors import ConfigError
from unified_loss.layout import Layout
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction, ReductionKind
from unified_loss.spec import Spec
from unified_loss.weighting import Weighting

T = TypeVar("T")

Choice = Literal["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None]

EPSILON = 1e-7
"""`keras.config.epsilon()`."""

BROADCAST = Layout(shape="mutual")
LEVELLED = Layout(shape="mutual", levels_ranks=True)
LAST_AXIS_MEAN = Reduction("mean", axis=-1)
UNREDUCED = Reduction("none")


def plan_of(
    spec: Spec,
    target: Layout | None = None,
    inner: Reduction | None = None,
    weighting: Weighting | None = None,
    integers: bool = False,
    **parameters: Any,
) -> Plan:
    """The plan of a function: losses of shape (batch, ...), neither weighted nor reduced further.

    `integers` says that predictions may be integers, whose losses are float32.
    """
    layouts = {"target": replace(target or spec.layouts["target"], required=True)}
    if integers:
        layouts["prediction"] = Layout(any_dtype=True)
    return Plan.of(
        spec, layouts=layouts, inner=inner, weighting=weighting, reduction=UNREDUCED, **parameters
    )


class Loss(DialectLoss, namespace="keras.losses"):
    """The base of Keras's losses; a `keras.losses.Loss` with a `call` of its own needs Keras."""

    arguments = {"prediction": "y_pred", "target": "y_true", "weight": "sample_weight"}


class LossFunctionWrapper(Loss):
    """The base of the losses that weigh and reduce what a function gives.

    Everything is cast to `dtype`, by default float32, float64 too. A `y_true` with an axis of size 1
    more or less than `y_pred` at its end gets the same number of axes, and so does `sample_weight`,
    which is then broadcast. The mean is over all entries, whatever their weights; it is 0 over none.
    Masks that Keras's layers attach to `y_pred`, and logits that its activations do, are not read.
    """

    def lower(self) -> Plan:
        """The plan of the function, with the weights and the reduction of the class."""
        # No function of Keras has several outputs.
        plan: Plan = super().lower()  # type: ignore[assignment]
        given = {f.name: getattr(self, f.name) for f in fields(self)}
        layouts = dict(plan.layouts)
        if not layouts["target"].index:
            layouts["target"] = replace(layouts["target"], levels_ranks=True)
        weighting = replace(plan.weighting, broadcast="mutual")
        masked = weighting.only_positive or weighting.ignored_label is not None
        return replace(
            plan,
            layouts=tuple(layouts.items()),
            weighting=weighting,
            reduction=_reduction(given["reduction"], masked, self.native_name),
            dtype=_compute_dtype(given["dtype"], self.native_name),
        )

    def __call__(self, y_true: Any, y_pred: T, sample_weight: Any = None) -> T:
        """A scalar, or with ``reduction="none"`` losses of shape (batch, ...)."""
        absent = (None,) * (len(self.plan.inputs) - 2)
        return self.evaluate(y_pred, y_true, *absent, sample_weight)


def _reduction(choice: str | None, masked: bool, loss: str) -> Reduction:
    mean: ReductionKind = "valid_mean" if masked else "mean"
    kinds: dict[str | None, ReductionKind] = {
        None: "none",
        "none": "none",
        "sum": "sum",
        "sum_over_batch_size": mean,
        "mean": mean,
        "mean_with_sample_weight": "given_weight_mean",
    }
    if choice not in kinds:
        expected = ", ".join(map(repr, kinds))
        raise ValueError(f"{loss}: reduction: unknown reduction {choice!r}, expected one of {expected}")
    return Reduction(kinds[choice], over_nothing="zero")


def _compute_dtype(dtype: str | None, loss: str) -> str:
    """The dtype of the computation; that of Keras's mixed policies is the half precision."""
    compute = "float32" if dtype is None else dtype.removeprefix("mixed_")
    if compute not in ("float16", "bfloat16", "float32", "float64"):
        raise ConfigError(f"{loss}: dtype is {dtype!r}, expected the name of a float dtype or a mixed policy")
    return compute
