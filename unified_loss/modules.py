"""`as_module`: a loss as what a framework takes for one."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any

from .binding import insists
from .compilation import Compiled
from .dialects.functions import BoundFunction, DialectFunction
from .dialects.stateful import StatefulLoss
from .dispatch import explain_selection
from .errors import ConfigError, UnsupportedOperation
from .loading import get_backend
from .loss import Loss, canonical_loss
from .spec import Spec


def as_module(loss: Any, backend: str | None = None) -> Any:
    """A loss as a module of a framework, which holds it, trains its weights and saves it.

    Parameters
    ----------
    loss : a loss of a dialect or of `unified_loss.losses`, what `from_config` gave, or one that
        `unified_loss.compile` compiled. A function has its parameters from `from_config`, or the defaults
    backend : whose module it is to be; by default the loss's own backend, or what is selected

    Returns
    -------
    module
        A ``torch.nn.Module``, a ``keras.losses.Loss`` (of ``tensorflow``), a ``paddle.nn.Layer``, a
        ``mindspore.nn.Cell`` or a ``mxnet.gluon.HybridBlock``. Its attribute ``loss`` is a copy of the
        loss. It is called as the loss is, and gives the same; but Keras's is called as Keras calls a
        loss, with ``(y_true, y_pred, sample_weight=None)``, whatever the order of the loss; and MXNet's
        takes no keywords. Neutral inputs run on its backend.

    Raises
    ------
    ConfigError
        If it is no loss of this library, or one that Keras cannot call: of three tensors, say.
    UnsupportedOperation
        If the framework has no modules (NumPy, JAX), or none that could hold the loss's weights (Keras).
    BackendError
        As `get_backend`.

    Notes
    -----
    The weights of a loss that has any (``torch.nn.AdaptiveLogSoftmaxWithLoss``) become the module's
    parameters, under the names that they have in their own framework's state dictionary.

    What a loss gives, the module gives: where MXNet's losses give one number per sample, Keras's module
    does, and Keras sums their gradients, as MXNet's ``backward`` does.

    Examples
    --------
    >>> import unified_loss as ul
    >>> from unified_loss.dialects.mxnet.gluon import loss as gloss
    >>> ul.as_module(gloss.HuberLoss(), "numpy")
    Traceback (most recent call last):
    unified_loss.errors.UnsupportedOperation: as_module: NumPy has no modules; a loss is called as it is
    """
    chosen = backend or getattr(loss, "backend", None) or explain_selection().backend
    return get_backend(chosen).as_module(ModuleLoss(_own(loss, chosen)))


def _own(loss: Any, backend: str) -> Any:
    """A loss of the module's own, whose neutral inputs run on its backend."""
    match loss:
        case Spec():
            return canonical_loss(loss, {}, "mean", backend)
        case DialectFunction():
            return loss.bind(backend)
        case BoundFunction():
            return loss.function.bind(backend, **loss.parameters)
        case Compiled():
            return Compiled(_own(loss.loss, backend), backend, loss.compiler)
        case Loss():
            own = copy.deepcopy(loss)
            own.run_on(backend)
            return own
    raise ConfigError(f"as_module: {loss!r} is no loss of unified_loss")


class ModuleLoss:
    """A loss as the modules of the backends see it.

    Parameters
    ----------
    loss : what the module is to compute
    """

    def __init__(self, loss: Any) -> None:
        self.loss = loss

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the loss."""
        return self.loss(*args, **kwargs)

    def __repr__(self) -> str:
        return repr(self.loss)

    @property
    def _plain(self) -> Any:
        return self.loss.loss if isinstance(self.loss, Compiled) else self.loss

    @property
    def name(self) -> str:
        """The last part of the loss's name."""
        row = self._plain.function if isinstance(self._plain, BoundFunction) else self._plain
        return str(getattr(row, "native_name", self.loss.plan.spec)).rpartition(".")[2]

    @property
    def weights(self) -> dict[str, Any]:
        """The loss's own weights, as tensors, by their names in its framework's state dictionary."""
        return self._plain.state if isinstance(self._plain, StatefulLoss) else {}

    def use(self, weights: Mapping[str, Any]) -> None:
        """Compute with these weights from now on."""
        self._plain.load_state(weights)

    def compiled(self, backend: str) -> ModuleLoss:
        """The same, compiled for a backend; it shares the weights."""
        return ModuleLoss(Compiled(self.loss, backend, None))

    def supervised(self) -> SupervisedLoss:
        """The same, called as Keras does."""
        return SupervisedLoss(self.loss)

    def to_config(self) -> dict[str, Any]:
        """As of `Loss`."""
        config: dict[str, Any] = self._plain.to_config()
        return config


class SupervisedLoss(ModuleLoss):
    """A loss that is called as Keras calls one, whatever its own order of the arguments.

    Parameters
    ----------
    loss : as of `ModuleLoss`

    Raises
    ------
    ConfigError
        If it needs other tensors than labels and predictions.
    UnsupportedOperation
        If it has weights of its own.
    """

    def __init__(self, loss: Any) -> None:
        super().__init__(loss)
        if self.weights:
            held = ", ".join(self.weights)
            raise UnsupportedOperation(f"as_module: a Keras loss holds no weights; {self.name} has {held}")
        plan, row = loss.plan, self._plain
        names: Mapping[str, str] = getattr(getattr(row, "function", None) or row, "arguments", {})
        spec, given = Spec.registry[plan.spec], {role for role, _ in plan.constants}
        prediction, *others = plan.inputs
        needed = [r for r, layout in plan.layouts if insists(spec, r, layout) and r not in given]
        target = "target" if "target" in others else next(iter(others), None)
        surplus = [names.get(role, role) for role in needed if role not in (prediction, target)]
        if target is None or surplus:
            takes = ", ".join(names.get(role, role) for role in needed)
            raise ConfigError(f"as_module: Keras calls a loss with y_true and y_pred; {loss!r} takes {takes}")
        self._y_pred, self._y_true = names.get(prediction, prediction), names.get(target, target)
        known = ("weight",) if type(row) is Loss else _arguments(row)
        weights = (names.get("weight", "weight"), "sample_weight")
        self._weight = next((name for name in weights if name in known), None)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Evaluate the loss.

        Raises
        ------
        TypeError
            If there are weights, and the loss takes none.
        """
        tensors = {self._y_pred: y_pred, self._y_true: y_true}
        if sample_weight is not None:
            if self._weight is None:
                raise TypeError(f"{self.name}: sample_weight is given, but the loss takes none")
            tensors[self._weight] = sample_weight
        return self.loss(**tensors)


def _arguments(row: Any) -> tuple[str, ...]:
    """What a loss may be given at the call."""
    if isinstance(row, BoundFunction):
        return tuple(row.function.roles)
    return tuple(inspect.signature(row.__call__).parameters)
