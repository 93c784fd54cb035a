"""A loss as a ``torch.nn.Module``."""

from __future__ import annotations

from typing import Any

import torch

from ._held_loss import HeldLoss


class LossModule(HeldLoss, torch.nn.Module):  # type: ignore[misc]
    """A loss whose weights are the module's parameters, under their own names.

    Parameters
    ----------
    function : the loss, as `Backend.as_module` gets it
    """

    def __init__(self, function: Any) -> None:
        super().__init__()
        self.function = function
        for path, tensor in function.weights.items():
            *parents, name = path.split(".")
            holder: torch.nn.Module = self
            for parent in parents:
                if parent not in holder._modules:
                    holder.add_module(parent, torch.nn.Module())
                holder = holder._modules[parent]
            holder.register_parameter(name, torch.nn.Parameter(tensor.detach().clone()))
