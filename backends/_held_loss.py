"""What the modules of PyTorch and PaddlePaddle that hold a loss have in common."""

from __future__ import annotations

from typing import Any


class HeldLoss:
    """A loss whose weights are the module's parameters, under their own names.

    The other base is the framework's module, which has `named_parameters`; `function` is the loss, as
    `Backend.as_module` gets it.
    """

    function: Any
    named_parameters: Any

    @property
    def loss(self) -> Any:
        """The loss that it computes."""
        return self.function.loss

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Evaluate the loss."""
        weights = dict(self.named_parameters())
        if weights:
            # At each call, because parameters are replaced: by torch when it loads, moves, or differentiates.
            self.function.use(weights)
        return self.function(*args, **kwargs)

    def extra_repr(self) -> str:
        """What the loss is."""
        return repr(self.function)
