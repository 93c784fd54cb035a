"""A loss as a ``mxnet.gluon.HybridBlock``; imported after MXNet, by its backend."""

from __future__ import annotations

from typing import Any

import mxnet


class LossBlock(mxnet.gluon.HybridBlock):  # type: ignore[misc]
    """A loss whose weights are the block's parameters, under their own names.

    Parameters
    ----------
    function : the loss, as `Backend.as_module` gets it
    """

    def __init__(self, function: Any) -> None:
        super().__init__(prefix="")
        self.function = function
        self._called = function
        self._weights = {}
        for path, tensor in function.weights.items():
            parameter = self.params.get(path, shape=tensor.shape, dtype=tensor.dtype)
            parameter.initialize(init=mxnet.init.Zero(), ctx=tensor.ctx)
            parameter.set_data(tensor.as_nd_ndarray())
            self._weights[path] = parameter

    @property
    def loss(self) -> Any:
        """The loss that it computes."""
        return self.function.loss

    def hybridize(self, active: bool = True, **flags: Any) -> None:
        """Compile the loss, or no longer."""
        # Not as other blocks do, because a loss asks for shapes, which symbols lack.
        self._called = self.function.compiled("mxnet") if active else self.function

    def forward(self, *args: Any) -> Any:
        """Evaluate the loss."""
        if self._weights:
            weights = {path: parameter.data() for path, parameter in self._weights.items()}
            if any(isinstance(x, mxnet.np.ndarray) for x in args):
                weights = {path: x.as_np_ndarray() for path, x in weights.items()}
            self.function.use(weights)
        return self._called(*args)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.function!r})"
