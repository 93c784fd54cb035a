"""The losses with weights of their own."""

from __future__ import annotations

import itertools
from typing import Any, TypeVar

from unified_loss.dialects.functions import Plans
from unified_loss.dialects.paddle.nn import functional
from unified_loss.dialects.stateful import StatefulLoss, uniform
from unified_loss.errors import UnsupportedOperation

T = TypeVar("T")


class _StatefulLoss(StatefulLoss, namespace="paddle.nn"):
    """The base of Paddle's losses with weights: the attributes may only say that there is no bias."""

    loads_in_parts = True

    def _has_bias(self, weight_attr: Any, bias_attr: Any) -> bool:
        for name, value, allowed in (
            ("weight_attr", weight_attr, weight_attr is None),
            ("bias_attr", bias_attr, bias_attr is None or bias_attr is False),
        ):
            if not allowed:
                raise UnsupportedOperation(
                    f"{self.native_name}: {name} is {value!r}, which is not supported; "
                    "load_state takes weights"
                )
        return bias_attr is None


class HSigmoidLoss(_StatefulLoss, function=functional.hsigmoid_loss):
    """`unified_loss.losses.hierarchical_sigmoid` of shape (N, 1), each missing node adding log 2."""

    feature_size: int
    num_classes: int
    weight_attr: Any = None
    bias_attr: Any = None
    is_custom: bool = False
    is_sparse: bool = False
    name: str | None = None

    def initial_state(self) -> dict[str, Any]:
        """A row of weights and a bias of 0 for each node."""
        nodes = self.num_classes if self.is_custom else self.num_classes - 1
        state = {"weight": _spread(nodes, self.feature_size)}
        if self._has_bias(self.weight_attr, self.bias_attr):
            state["bias"] = uniform(0.0, nodes, 1)
        return state

    def __call__(self, input: T, label: T, path_table: T | None = None, path_code: T | None = None) -> T:
        """Losses of shape (N, 1)."""
        state = self.weights()
        return self.evaluate(input, label, state["weight"], state.get("bias"), path_table, path_code)


class AdaptiveLogSoftmaxWithLoss(_StatefulLoss, function=functional.adaptive_log_softmax_with_loss):
    """`unified_loss.losses.adaptive_log_softmax`: the log-probabilities of the labels, and the mean loss."""

    in_features: int
    n_classes: int
    cutoffs: tuple[int, ...]
    weight_attr: Any = None
    bias_attr: Any = None
    div_value: float = 4.0
    head_bias: bool = False
    name: str | None = None

    def lower(self) -> Plans:
        """The plans of both outputs."""
        cutoffs = self.cutoffs
        increasing = all(a < b for a, b in itertools.pairwise(cutoffs))
        if not cutoffs or not increasing or cutoffs[0] < 1 or cutoffs[-1] >= self.n_classes:
            raise ValueError(
                f"{self.native_name}: cutoffs is {list(cutoffs)}, expected increasing numbers "
                f"from 1 to {self.n_classes - 1}"
            )
        return functional.adaptive_log_softmax_with_loss.lower(cutoffs=(*cutoffs, self.n_classes), name=None)

    def initial_state(self) -> dict[str, Any]:
        """A linear map for the head, and two for each cluster."""
        bounds = [*self.cutoffs, self.n_classes]
        size = self.cutoffs[0] + len(self.cutoffs)
        state = {"head_weight": _spread(self.in_features, size)}
        if self.head_bias and self._has_bias(self.weight_attr, self.bias_attr):
            state["head_bias"] = uniform(0.0, size)
        for i, (first, stop) in enumerate(itertools.pairwise(bounds)):
            hidden = int(self.in_features // self.div_value ** (i + 1))
            state[f"tail_weights.{i}.0"] = _spread(self.in_features, hidden)
            state[f"tail_weights.{i}.1"] = _spread(hidden, stop - first)
        return state

    def __call__(self, input: T, label: T) -> tuple[T, T]:
        """The log-probability of each label, and the loss, a scalar."""
        state = self.weights()
        head, bias = state.pop("head_weight"), state.pop("head_bias", None)
        outputs: tuple[T, T] = self.outputs(input, label, head, bias, None, *state.values())
        return outputs


def _spread(*shape: int) -> Any:
    """The weights that Paddle gives a new layer, uniform within Glorot's bound."""
    return uniform((6 / sum(shape)) ** 0.5, *shape)
