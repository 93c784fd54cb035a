"""A loss as a ``mindspore.nn.Cell``."""

from __future__ import annotations

from typing import Any

import mindspore


class LossCell(mindspore.nn.Cell):  # type: ignore[misc]
    """A loss whose weights are the cell's parameters, under their own names.

    Parameters
    ----------
    function : the loss, as `Backend.as_module` gets it
    """

    def __init__(self, function: Any) -> None:
        super().__init__(auto_prefix=False)
        self.function = function
        self._paths = tuple(function.weights)
        for path, tensor in function.weights.items():
            # An attribute cannot have a dot in its name; the parameter can.
            self.insert_param_to_cell(_attribute(path), mindspore.Parameter(tensor, name=path))

    @property
    def loss(self) -> Any:
        """The loss that it computes."""
        return self.function.loss

    def construct(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the loss."""
        if self._paths:
            self.function.use({path: getattr(self, _attribute(path)) for path in self._paths})
        return self.function(*args, **kwargs)

    def extend_repr(self) -> str:
        """What the loss is."""
        return repr(self.function)


def _attribute(path: str) -> str:
    return path.replace(".", "_")
