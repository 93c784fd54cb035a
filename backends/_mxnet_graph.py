"""Compiles functions for MXNet: records the operations that they run, and hybridizes the graph of these.

A symbol of MXNet 1.9 has neither values nor a shape, so that no function that asks for shapes runs on
symbols. What `autograd` records has both: the function runs once on arrays, and the symbol of what was
recorded, in a Gluon block, then runs on any others of the same shapes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .base import UnsupportedOperation

if TYPE_CHECKING:
    from .mxnet import MxnetBackend

Function = Callable[..., Any]


class Graph:
    """A graph while it is recorded: what flows into it beside the arguments of the function."""

    def __init__(self, framework: Any) -> None:
        self._framework = framework
        self.sources: dict[str, Any] = {}
        """What flows in, by the names of its variables."""

    def variable(self, x: Any) -> Any:
        """An array that stands for `x` in the graph."""
        inside = x.detach()
        # Only marked arrays have what is computed from them recorded.
        inside.attach_grad("null")
        self.sources[self.symbol(inside).name] = x
        return inside

    def joined(self, x: Any) -> Any:
        """`x` if it is computed in the graph, else what stands for it there."""
        try:
            self.symbol(x)
        except self._framework.MXNetError:
            return self.variable(x)
        return x

    def computed(self, x: Any) -> Any:
        """`x` if an operation in the graph computes it, else a copy of what stands for it there."""
        inside = self.joined(x)
        if self.symbol(inside).name not in self.sources:
            return inside
        same = self._framework.nd.identity(inside.as_nd_ndarray())
        return same.as_np_ndarray() if isinstance(inside, self._framework.np.ndarray) else same

    def symbol(self, x: Any) -> Any:
        """The symbol of what `x` is computed by; an error if nothing was recorded."""
        return self._framework.autograd.get_symbol(x)


def hybridize(backend: MxnetBackend, function: Function) -> Function:
    """The function as hybridized blocks, one for each set of shapes that it is called with."""
    blocks: dict[Any, Function] = {}
    framework = backend.framework

    def call(*tensors: Any) -> Any:
        # As in `MxnetBackend.guard`: without NumPy shapes, what is recorded has a leading axis.
        led = framework.autograd.is_recording() and not framework.util.is_np_shape()
        kinds = [(type(x), x.dtype, x.shape, x.ctx) for x in tensors]
        key = (led, framework.util.is_np_array(), *kinds)
        with framework.util.np_shape(not led):
            if key not in blocks:
                blocks[key] = _recorded(backend, function, tensors)
            return blocks[key](*tensors)

    return call


def _recorded(backend: MxnetBackend, function: Function, tensors: Sequence[Any]) -> Function:
    framework = backend.framework
    graph = Graph(framework)
    inputs = [graph.variable(x) for x in tensors]
    positions = {graph.symbol(x).name: i for i, x in enumerate(inputs)}
    with backend.recording(graph):
        results = function(*inputs)
        several = isinstance(results, tuple | list)
        # No gradient flows into a variable that is an output.
        outputs = [graph.computed(x) for x in (results if several else [results])]
    symbols = [graph.symbol(x) for x in outputs]
    names = framework.sym.Group(symbols).list_arguments()
    for name in names:
        if name not in graph.sources:
            raise UnsupportedOperation(
                "MXNet cannot hybridize this function: it computes with an array that is neither an argument "
                "nor given to a loss, or reads values of one"
            )
    variables = [framework.sym.var(name, dtype=graph.sources[name].dtype) for name in names]
    block = framework.gluon.SymbolBlock(symbols, variables)
    block.hybridize()
    kinds = [type(x) for x in outputs]

    def run(*given: Any) -> Any:
        flowing = [given[positions[name]] if name in positions else graph.sources[name] for name in names]
        # Gluon wants arrays of one kind.
        with framework.util.np_array(False):
            values = block(*(x.as_nd_ndarray() for x in flowing))
        values = values if isinstance(values, list | tuple) else [values]
        made = [
            x.as_np_ndarray() if issubclass(kind, framework.np.ndarray) else x
            for x, kind in zip(values, kinds, strict=True)
        ]
        return tuple(made) if several else made[0]

    return run
