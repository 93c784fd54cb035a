"""How each framework says the little that stands beside a ported loss: a table, a column a framework."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any


@dataclass(frozen=True)
class Phrasebook:
    """One framework's way of saying what is done beside the call of a loss.

    Parameters
    ----------
    framework : the framework's name, or ``ops`` for this library's own array operations
    imports : the statement that its templates need
    templates : by phrase, Python with the arguments of the phrase in braces
    """

    framework: str
    imports: str
    templates: Mapping[str, str]

    def say(self, phrase: str, **arguments: Any) -> str:
        """Python for a phrase, of arguments that are Python themselves."""
        return self.templates[phrase].format(**arguments)

    def array(self, values: Any) -> str:
        """Python for a tensor of float32 of these numbers."""
        return self.templates["array"].format(x=values)


_METHODS = {
    "like": "{x}.reshape({y}.shape)",
    "elements": "{x}.reshape(-1, 1)",
    "vector": "{x}.reshape(-1)",
    "rows": "{x}.reshape(-1, {x}.shape[-1])",
    "sample_means": "{x}.reshape({x}.shape[0], -1).mean(1)",
    "sample_sums": "{x}.reshape({x}.shape[0], -1).sum(1)",
    "mean": "{x}.mean()",
    "sum": "{x}.sum()",
    "last_mean": "{x}.mean(-1)",
    "last_sum": "{x}.sum(-1)",
    "expand": "{x}[..., None]",
    "drop": "{x}[..., 0]",
    "shape": "{x}.shape",
    "size": "{x}.shape[{axis}]",
    "shaped": "{x}.reshape({shape})",
    "squeeze": "{x}.squeeze({axis})",
    "first": "{x}[{index}, 0]",
    "nonzero": "{x} != 0",
}

_NUMPY_LIKE = {
    **_METHODS,
    "where": "{m}.where({c}, {x}, {y})",
    "log": "{m}.log({x})",
    "exp": "{m}.exp({x})",
    "sqrt": "{m}.sqrt({x})",
    "moveaxis": "{m}.moveaxis({x}, {a}, {b})",
}


def _of(module: str, templates: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({phrase: text.replace("{m}", module) for phrase, text in templates.items()})


PHRASEBOOKS: Mapping[str, Phrasebook] = MappingProxyType(
    {
        "torch": Phrasebook(
            "torch",
            "import torch",
            _of(
                "torch",
                {
                    **_NUMPY_LIKE,
                    "moveaxis": "{x}.movedim({a}, {b})",
                    "single": "{x}.float()",
                    "lengths": "torch.full(({n},), {value})",
                    "counted": "({x} != {value}).sum(1)",
                    "insert": "{x}.unsqueeze({axis})",
                    "integer": "{x}.long()",
                    "floating": "{x}.to({y}.dtype)",
                    "clip": "{x}.clamp({low}, {high})",
                    "one_hot": "torch.nn.functional.one_hot({x}, {n}).to({y}.dtype)",
                    "log_softmax": "{x}.log_softmax({axis})",
                    "detached": "{x}.detach()",
                    "all": "({x}).all()",
                    "take": "{x}[{i}]",
                    "ones": "torch.ones_like({x})",
                    "zeros": "torch.zeros_like({x})",
                    "array": "torch.tensor({x})",
                },
            ),
        ),
        "tensorflow": Phrasebook(
            "tensorflow",
            "import tensorflow as tf",
            _of(
                "tf",
                {
                    "like": "tf.reshape({x}, tf.shape({y}))",
                    "elements": "tf.reshape({x}, (-1, 1))",
                    "vector": "tf.reshape({x}, (-1,))",
                    "rows": "tf.reshape({x}, (-1, {x}.shape[-1]))",
                    "sample_means": "tf.reduce_mean(tf.reshape({x}, (tf.shape({x})[0], -1)), 1)",
                    "sample_sums": "tf.reduce_sum(tf.reshape({x}, (tf.shape({x})[0], -1)), 1)",
                    "mean": "tf.reduce_mean({x})",
                    "sum": "tf.reduce_sum({x})",
                    "last_mean": "tf.reduce_mean({x}, -1)",
                    "last_sum": "tf.reduce_sum({x}, -1)",
                    "expand": "{x}[..., None]",
                    "drop": "{x}[..., 0]",
                    "shape": "{x}.shape",
                    "size": "{x}.shape[{axis}]",
                    "shaped": "tf.reshape({x}, {shape})",
                    "squeeze": "tf.squeeze({x}, {axis})",
                    "first": "{x}[{index}, 0]",
                    "nonzero": "tf.cast({x}, tf.bool)",
                    "numbers": "tf.cast({x}, {y}.dtype)",
                    "where": "tf.where({c}, {x}, {y})",
                    "log": "tf.math.log({x})",
                    "exp": "tf.exp({x})",
                    "sqrt": "tf.sqrt({x})",
                    "moveaxis": "tf.experimental.numpy.moveaxis({x}, {a}, {b})",
                    "single": "tf.cast({x}, tf.float32)",
                    "lengths": "tf.fill(({n},), {value})",
                    "counted": "tf.reduce_sum(tf.cast({x} != {value}, tf.int32), 1)",
                    "insert": "tf.expand_dims({x}, {axis})",
                    "integer": "tf.cast({x}, tf.int64)",
                    "floating": "tf.cast({x}, {y}.dtype)",
                    "clip": "tf.clip_by_value({x}, {low}, {high})",
                    "one_hot": "tf.one_hot({x}, {n}, dtype={y}.dtype)",
                    "log_softmax": "tf.nn.log_softmax({x}, axis={axis})",
                    "detached": "tf.stop_gradient({x})",
                    "all": "tf.reduce_all({x})",
                    "mask": "tf.cast({x}, {y}.dtype)",
                    "take": "tf.gather({x}, {i})",
                    "ones": "tf.ones_like({x})",
                    "zeros": "tf.zeros_like({x})",
                    "array": "tf.constant({x})",
                },
            ),
        ),
        "paddle": Phrasebook(
            "paddle",
            "import paddle",
            _of(
                "paddle",
                {
                    **_NUMPY_LIKE,
                    "elements": "{x}.reshape([-1, 1])",
                    "vector": "{x}.reshape([-1])",
                    "rows": "{x}.reshape([-1, {x}.shape[-1]])",
                    "sample_means": "{x}.reshape([{x}.shape[0], -1]).mean(1)",
                    "sample_sums": "{x}.reshape([{x}.shape[0], -1]).sum(1)",
                    "where": "paddle.where({c}, {x}, paddle.zeros_like({x}) + {y})",
                    "single": '{x}.astype("float32")',
                    "lengths": 'paddle.full([{n}], {value}, dtype="int64")',
                    "counted": '({x} != {value}).astype("int64").sum(1)',
                    "insert": "{x}.unsqueeze({axis})",
                    "integer": '{x}.astype("int64")',
                    "floating": "{x}.astype({y}.dtype)",
                    "clip": "paddle.clip({x}, {low}, {high})",
                    "one_hot": "paddle.nn.functional.one_hot({x}, {n}).astype({y}.dtype)",
                    # It takes 1e-30 for equal to 0 (3.3.1).
                    "nonzero": "({x}).abs() > 0",
                    # Its own is clipped at -64 on a CPU (3.3.1).
                    "log_softmax": "{x} - {x}.logsumexp({axis}, keepdim=True)",
                    "detached": "{x}.detach()",
                    "all": "({x}).all()",
                    "take": "{x}[{i}]",
                    "ones": "paddle.ones_like({x})",
                    "zeros": "paddle.zeros_like({x})",
                    "array": "paddle.to_tensor({x})",
                },
            ),
        ),
        "mindspore": Phrasebook(
            "mindspore",
            "import mindspore",
            _of(
                "mindspore.ops",
                {
                    **_NUMPY_LIKE,
                    "moveaxis": "mindspore.ops.movedim({x}, {a}, {b})",
                    "single": "{x}.astype(mindspore.float32)",
                    "lengths": "mindspore.ops.full(({n},), {value}, dtype=mindspore.int32)",
                    "counted": "({x} != {value}).astype(mindspore.int32).sum(1)",
                    "insert": "mindspore.ops.expand_dims({x}, {axis})",
                    "integer": "{x}.astype(mindspore.int32)",
                    "floating": "{x}.astype({y}.dtype)",
                    "clip": "{x}.clip({low}, {high})",
                    "one_hot": "mindspore.ops.one_hot({x}, {n}).astype({y}.dtype)",
                    "log_softmax": "mindspore.ops.log_softmax({x}, {axis})",
                    "detached": "mindspore.ops.stop_gradient({x})",
                    "all": "({x}).all()",
                    "take": "{x}[{i}]",
                    "ones": "mindspore.ops.ones_like({x})",
                    "zeros": "mindspore.ops.zeros_like({x})",
                    "array": "mindspore.Tensor({x}, mindspore.float32)",
                },
            ),
        ),
        "mxnet": Phrasebook(
            "mxnet",
            "import mxnet as mx",
            _of(
                "mx.nd",
                {
                    **_NUMPY_LIKE,
                    "elements": "{x}.reshape((-1, 1))",
                    "vector": "{x}.reshape((-1,))",
                    "rows": "{x}.reshape((-1, {x}.shape[-1]))",
                    "sample_means": "{x}.reshape(({x}.shape[0], -1)).mean(axis=1)",
                    "sample_sums": "{x}.reshape(({x}.shape[0], -1)).sum(axis=1)",
                    "last_mean": "{x}.mean(axis=-1)",
                    "last_sum": "{x}.sum(axis=-1)",
                    "expand": "{x}.expand_dims(-1)",
                    "drop": "{x}.squeeze(-1)",
                    "numbers": "{x}.astype({y}.dtype)",
                    "where": "mx.nd.where({c}, {x}, mx.nd.zeros_like({x}) + {y})",
                    "choose": "mx.nd.where(({c}) * mx.nd.ones_like({x}), {x}, mx.nd.zeros_like({x}) + {y})",
                    "single": '{x}.astype("float32")',
                    "lengths": "mx.nd.full(({n},), {value})",
                    "counted": "({x} != {value}).sum(axis=1)",
                    "insert": "{x}.expand_dims({axis})",
                    "integer": '{x}.astype("int32")',
                    "floating": "{x}.astype({y}.dtype)",
                    "clip": "{x}.clip({low}, {high})",
                    "one_hot": "{x}.one_hot({n}).astype({y}.dtype)",
                    "log_softmax": "mx.nd.log_softmax({x}, axis={axis})",
                    "detached": "{x}.detach()",
                    "all": "({x}).min()",
                    "take": "mx.nd.take({x}, {i})",
                    "ones": "mx.nd.ones_like({x})",
                    "zeros": "mx.nd.zeros_like({x})",
                    "array": "mx.nd.array({x})",
                },
            ),
        ),
        "jax": Phrasebook(
            "jax",
            "import jax.numpy as jnp",
            _of(
                "jnp",
                {
                    **_NUMPY_LIKE,
                    "single": "{x}.astype(jnp.float32)",
                    "lengths": "jnp.full(({n},), {value})",
                    "counted": "({x} != {value}).sum(1)",
                    "insert": "jnp.expand_dims({x}, {axis})",
                    "integer": "{x}.astype(int)",
                    "floating": "{x}.astype({y}.dtype)",
                    "clip": "{x}.clip({low}, {high})",
                    "one_hot": "jax.nn.one_hot({x}, {n}, dtype={y}.dtype)",
                    "log_softmax": "jax.nn.log_softmax({x}, {axis})",
                    "detached": "jax.lax.stop_gradient({x})",
                    "all": "({x}).all()",
                    "take": "{x}[{i}]",
                    "ones": "jnp.ones_like({x})",
                    "zeros": "jnp.zeros_like({x})",
                    "array": "jnp.array({x})",
                },
            ),
        ),
        # In which a port is tried before it is told.
        "ops": Phrasebook(
            "ops",
            "",
            _of(
                "ops",
                {
                    "like": "ops.reshape({x}, ops.shape({y}))",
                    "elements": "ops.reshape({x}, (-1, 1))",
                    "vector": "ops.reshape({x}, (-1,))",
                    "rows": "ops.reshape({x}, (-1, ops.shape({x})[-1]))",
                    "sample_means": "ops.mean(ops.reshape({x}, (ops.shape({x})[0], -1)), axis=1)",
                    "sample_sums": "ops.sum(ops.reshape({x}, (ops.shape({x})[0], -1)), axis=1)",
                    "mean": "ops.mean({x})",
                    "sum": "ops.sum({x})",
                    "last_mean": "ops.mean({x}, axis=-1)",
                    "last_sum": "ops.sum({x}, axis=-1)",
                    "expand": "ops.expand_dims({x}, axis=-1)",
                    "drop": "ops.squeeze({x}, -1)",
                    "shape": "ops.shape({x})",
                    "size": "ops.shape({x})[{axis}]",
                    "shaped": "ops.reshape({x}, {shape})",
                    "squeeze": "ops.squeeze({x}, {axis})",
                    "first": "{x}[{index}, 0]",
                    "nonzero": "{x} != 0",
                    "where": "ops.where({c}, {x}, {y})",
                    "log": "ops.log({x})",
                    "exp": "ops.exp({x})",
                    "sqrt": "ops.sqrt({x})",
                    "moveaxis": "ops.moveaxis({x}, {a}, {b})",
                    "single": 'ops.astype({x}, "float32")',
                    "lengths": "ops.full({n}, {value})",
                    "counted": 'ops.sum(ops.astype({x} != {value}, "int64"), axis=1)',
                    "insert": "ops.expand_dims({x}, axis={axis})",
                    "integer": 'ops.astype({x}, "int64")',
                    "floating": "ops.astype({x}, ops.dtype({y}))",
                    "clip": "ops.clip({x}, min={low}, max={high})",
                    "one_hot": "ops.one_hot({x}, {n}, dtype=ops.dtype({y}), like={y})",
                    "log_softmax": "ops.log_softmax({x}, axis={axis})",
                    "detached": "ops.stop_gradient({x})",
                    "all": "ops.all({x})",
                    "take": "ops.take({x}, {i})",
                    "ones": "ops.ones_like({x})",
                    "zeros": "0 * ops.ones_like({x})",
                    "array": "ops.asarray({x})",
                },
            ),
        ),
    }
)
