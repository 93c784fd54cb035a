"""The adaptive softmax, a loss with weights of its own."""

from __future__ import annotations

import itertools
from collections import namedtuple
from typing import Any, TypeVar

from unified_loss import losses
from unified_loss.dialects.stateful import StatefulLoss, linear_map, uniform
from unified_loss.plan import Plan
from unified_loss.reduction import Reduction
from unified_loss.weighting import Weighting

__all__ = ["AdaptiveLogSoftmaxWithLoss"]

T = TypeVar("T")

_Outputs = namedtuple("_Outputs", ["output", "loss"])


class AdaptiveLogSoftmaxWithLoss(StatefulLoss, namespace="torch.nn"):
    """`unified_loss.losses.adaptive_log_softmax`: the log-probabilities of the labels, and the loss.

    `device` is not read: the weights go where the input is. `dtype` is what they are drawn in.
    """

    in_features: int
    n_classes: int
    cutoffs: tuple[int, ...]
    div_value: float = 4.0
    head_bias: bool = False
    device: Any = None
    dtype: Any = None

    arguments = {"prediction": "input_", "target": "target_"}
    result = _Outputs

    def lower(self) -> tuple[Plan, Plan]:
        """The plans of both outputs."""
        cutoffs = self.cutoffs
        increasing = all(a < b for a, b in itertools.pairwise(cutoffs))
        if not cutoffs or not increasing or cutoffs[0] < 1 or cutoffs[-1] >= self.n_classes:
            raise ValueError(
                f"{self.native_name}: cutoffs is {list(cutoffs)}, expected increasing numbers "
                f"from 1 to {self.n_classes - 1}"
            )
        return self._plan(Weighting(scale=-1.0), Reduction("none")), self._plan(Weighting(), Reduction())

    def _plan(self, weighting: Weighting, reduction: Reduction) -> Plan:
        return Plan.of(
            losses.adaptive_log_softmax,
            weighting=weighting,
            reduction=reduction,
            unbatched=1,
            classes=self.n_classes,
            cutoffs=self.cutoffs,
        )

    def initial_state(self) -> dict[str, Any]:
        """A linear map for the head, and two for each cluster."""
        bounds = [*self.cutoffs, self.n_classes]
        size = self.cutoffs[0] + len(self.cutoffs)
        state = {"head.weight": linear_map(size, self.in_features)}
        if self.head_bias:
            state["head.bias"] = uniform(self.in_features**-0.5, size)
        for i, (first, stop) in enumerate(itertools.pairwise(bounds)):
            hidden = int(self.in_features // self.div_value ** (i + 1))
            state[f"tail.{i}.0.weight"] = linear_map(hidden, self.in_features)
            state[f"tail.{i}.1.weight"] = linear_map(stop - first, hidden)
        return state

    def __call__(self, input_: T, target_: T) -> Any:
        """A named tuple: ``output`` of the shape of `target_`, and ``loss``, a scalar."""
        state = self.weights()
        head, bias = state.pop("head.weight"), state.pop("head.bias", None)
        return self.outputs(input_, target_, head, bias, None, *state.values())
