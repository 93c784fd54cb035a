"""A loss as a ``paddle.nn.Layer``."""

from __future__ import annotations

from typing import Any

import paddle

from ._held_loss import HeldLoss


class LossLayer(HeldLoss, paddle.nn.Layer):  # type: ignore[misc]
    """A loss whose weights are the layer's parameters, under their own names.

    Parameters
    ----------
    function : the loss, as `Backend.as_module` gets it
    """

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        for path, tensor in function.weights.items():
            *parents, name = path.split(".")
            holder: paddle.nn.Layer = self
            for parent in parents:
                if parent not in holder._sub_layers:
                    holder.add_sublayer(parent, paddle.nn.Layer())
                holder = holder._sub_layers[parent]
            assign = paddle.nn.initializer.Assign(tensor)
            holder.add_parameter(
                name, holder.create_parameter(tensor.shape, dtype=tensor.dtype, default_initializer=assign)
            )
