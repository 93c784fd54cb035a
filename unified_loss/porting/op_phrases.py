"""How each framework says an array operation, in code that is to be read: a table, a column a framework.

An entry is an expression of the operation's own arguments, or the source of a function of `ops` and these
arguments, which is specialized as formulas are. What it names with a leading underscore is among the
framework's `HELPERS`. Unlike `unified_loss.backends`, this makes up for few of a framework's faults.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_SHARED = {
    "dtype": "x.dtype",
    "zero_with_derivative": """
        def zero_with_derivative(ops, x, derivative):
            return (x - ops.stop_gradient(x)) * ops.stop_gradient(derivative)
    """,
}

_BY_SELECTION = """
    def clip(ops, x, min, max):
        if min is not None:
            x = ops.where(x < min, min, x)
        if max is not None:
            x = ops.where(x > max, max, x)
        return x
"""
"""Of what is clipped at an end itself, the gradient is 1."""


def _same(module: str, names: str, arguments: str = "x") -> dict[str, str]:
    """Operations that the framework has by the same name."""
    return {name: f"{module}.{name}({arguments})" for name in names.split()}


_TORCH = {
    **_SHARED,
    "ones_like": "torch.ones_like(x)",
    **_same("torch", "abs exp log log1p sqrt square relu isinf isnan logical_not cos acos any all"),
    **_same("torch", "maximum minimum logical_and logical_or matmul", "x1, x2"),
    "shape": "x.shape",
    "astype": "x.to(dtype)",
    "eye": "torch.eye(n, dtype=like.dtype, device=like.device)",
    "arange": "torch.arange(n, dtype=dtype, device=like.device)",
    "pow": "torch.pow(x, exponent)",
    "clip": "torch.clamp(x, min=min, max=max)",
    "where": "torch.where(condition, x1, x2)",
    "sum": """
        def sum(ops, x, axis, keepdims):
            return x if axis == () else torch.sum(x, dim=axis, keepdim=keepdims)
    """,
    "mean": """
        def mean(ops, x, axis, keepdims):
            return x if axis == () else torch.mean(x, dim=axis, keepdim=keepdims)
    """,
    "max": "torch.amax(x, dim=axis, keepdim=keepdims)",
    "cumulative_sum": "torch.cumsum(x, dim=axis)",
    "argsort": "torch.argsort(x, dim=axis, stable=True)",
    "reshape": "torch.reshape(x, shape)",
    "expand_dims": "torch.unsqueeze(x, axis)",
    "squeeze": "torch.squeeze(x, axis)",
    "permute_dims": "torch.permute(x, axes)",
    "concat": "torch.cat(arrays, dim=axis)",
    "stack": "torch.stack(arrays, dim=axis)",
    "unstack": "torch.unbind(x, dim=axis)",
    "broadcast_to": "torch.broadcast_to(x, shape)",
    "take_along_axis": "torch.gather(x, axis, indices)",
    "take": "x[indices]",
    "stop_gradient": "x.detach()",
    "softmax": "torch.softmax(x, dim=axis)",
    "log_softmax": "torch.log_softmax(x, dim=axis)",
    "replace_gradient": "_Replaced.apply(value.detach(), x, gradient.detach())",
    "gradient": "torch.func.grad(lambda y: function(y).sum())(x.detach())",
    "is_integer": "not x.dtype.is_floating_point",
    "resolution": "torch.finfo(dtype).eps",
}

_JAX = {
    **_SHARED,
    "ones_like": "jnp.ones_like(x)",
    **_same("jnp", "abs exp log log1p sqrt square isinf isnan logical_not cos acos any all"),
    **_same("jnp", "maximum minimum logical_and logical_or", "x1, x2"),
    "abs": """
        def abs(ops, x):
            return jnp.where(x == 0, 0, jnp.abs(x))
    """,
    "matmul": "jnp.matmul(x1, x2, precision='highest')",
    "shape": "x.shape",
    "astype": "x.astype(dtype)",
    "eye": "jnp.eye(n, dtype=like.dtype)",
    "arange": "jnp.arange(n, dtype=dtype)",
    "pow": "jnp.power(x, exponent)",
    "relu": "jax.nn.relu(x)",
    "clip": _BY_SELECTION,
    "where": "jnp.where(condition, x1, x2)",
    **_same("jnp", "sum mean max min", "x, axis=axis, keepdims=keepdims"),
    "cumulative_sum": "jnp.cumsum(x, axis=axis)",
    "argsort": "jnp.argsort(x, axis=axis)",
    "reshape": "jnp.reshape(x, shape)",
    "expand_dims": "jnp.expand_dims(x, axis)",
    "squeeze": "jnp.squeeze(x, axis)",
    "permute_dims": "jnp.transpose(x, axes)",
    "concat": "jnp.concatenate(arrays, axis=axis)",
    "stack": "jnp.stack(arrays, axis=axis)",
    "unstack": "jnp.unstack(x, axis=axis)",
    "broadcast_to": "jnp.broadcast_to(x, shape)",
    "take_along_axis": "jnp.take_along_axis(x, indices, axis=axis)",
    "take": "jnp.take(x, indices, axis=0)",
    "stop_gradient": "jax.lax.stop_gradient(x)",
    **_same("jax.nn", "softmax log_softmax", "x, axis=axis"),
    "logsumexp": "jax.nn.logsumexp(x, axis=axis, keepdims=keepdims)",
    "replace_gradient": "_replaced(value, x, gradient)",
    "gradient": "jax.lax.stop_gradient(jax.grad(lambda y: function(y).sum())(x))",
    "is_integer": "jnp.issubdtype(x.dtype, jnp.integer)",
    "resolution": "jnp.finfo(dtype).eps",
}

_TENSORFLOW = {
    **_SHARED,
    "ones_like": "tf.ones_like(x)",
    **_same("tf", "abs exp sqrt square cos acos logical_not"),
    **_same("tf", "maximum minimum logical_and logical_or", "x1, x2"),
    "log": "tf.math.log(x)",
    "log1p": "tf.math.log1p(x)",
    "relu": "tf.nn.relu(x)",
    "isinf": "tf.math.is_inf(x)",
    "isnan": "tf.math.is_nan(x)",
    "any": "tf.reduce_any(x)",
    "all": "tf.reduce_all(x)",
    "matmul": "tf.linalg.matmul(x1, x2)",
    "shape": "tuple(x.shape)",
    "astype": "tf.cast(x, dtype)",
    "eye": "tf.eye(n, dtype=like.dtype)",
    "arange": "tf.cast(tf.range(n), dtype)",
    "pow": """
        def pow(ops, x, exponent):
            return tf.ones_like(x) if exponent == 0 else tf.pow(x, tf.constant(exponent, x.dtype))
    """,
    "clip": """
        def clip(ops, x, min, max):
            if min is not None:
                x = tf.maximum(x, min)
            if max is not None:
                x = tf.minimum(x, max)
            return x
    """,
    "where": "_where(condition, x1, x2)",
    "sum": "tf.reduce_sum(x, axis=axis, keepdims=keepdims)",
    "mean": "tf.reduce_mean(x, axis=axis, keepdims=keepdims)",
    "max": "tf.reduce_max(x, axis=axis, keepdims=keepdims)",
    "min": "tf.reduce_min(x, axis=axis, keepdims=keepdims)",
    "cumulative_sum": "tf.cumsum(x, axis=axis)",
    "argsort": "tf.argsort(x, axis=axis, stable=True)",
    "reshape": "tf.reshape(x, shape)",
    "expand_dims": "tf.expand_dims(x, axis)",
    "squeeze": "tf.squeeze(x, axis)",
    "permute_dims": "tf.transpose(x, axes)",
    "concat": "tf.concat(arrays, axis=axis)",
    "stack": "tf.stack(arrays, axis=axis)",
    "unstack": "tf.unstack(x, axis=axis)",
    "broadcast_to": "tf.broadcast_to(x, shape)",
    "take_along_axis": "tf.experimental.numpy.take_along_axis(x, indices, axis)",
    "take": "tf.gather(x, indices)",
    "stop_gradient": "tf.stop_gradient(x)",
    "softplus": "tf.math.softplus(x)",
    "logsumexp": "tf.reduce_logsumexp(x, axis=axis, keepdims=keepdims)",
    "log_softmax": "tf.nn.log_softmax(x, axis=axis)",
    "replace_gradient": "_replaced(tf.stop_gradient(value), tf.identity(x), tf.stop_gradient(gradient))",
    "gradient": "_gradient(function, tf.stop_gradient(x))",
    "is_integer": "x.dtype.is_integer",
    "resolution": "np.finfo(dtype.as_numpy_dtype).eps",
}

_PADDLE = {
    **_SHARED,
    "ones_like": "paddle.ones_like(x)",
    **_same("paddle", "abs exp log log1p sqrt square isinf isnan logical_not cos acos any all"),
    **_same("paddle", "maximum minimum logical_and logical_or matmul", "x1, x2"),
    "shape": "tuple(x.shape)",
    "astype": "x.astype(dtype)",
    "eye": "paddle.eye(n, dtype=like.dtype)",
    "arange": "paddle.arange(n).astype(dtype)",
    "pow": """
        def pow(ops, x, exponent):
            if exponent == 0:
                return paddle.ones_like(x)
            if 8 * exponent % 1 == 0:
                return paddle.pow(x, exponent)
            return paddle.pow(x, paddle.to_tensor(exponent, x.dtype))
    """,
    "relu": "paddle.nn.functional.relu(x)",
    "clip": """
        def clip(ops, x, min, max):
            if isinstance(min, int) or isinstance(max, int):
                return paddle.clip(x, min, max)
            return paddle.clip(x, -math.inf if min is None else min, math.inf if max is None else max)
    """,
    "where": "_where(condition, x1, x2)",
    "sum": """
        def sum(ops, x, axis, keepdims):
            return x if axis == () else paddle.sum(x, axis=axis, keepdim=keepdims)
    """,
    "mean": """
        def mean(ops, x, axis, keepdims):
            return x if axis == () else paddle.mean(x, axis=axis, keepdim=keepdims)
    """,
    "max": "paddle.max(x, axis=axis, keepdim=keepdims)",
    "cumulative_sum": "paddle.cumsum(x, axis=axis)",
    "argsort": "paddle.argsort(x.detach(), axis=axis, stable=True)",
    "reshape": "paddle.reshape(x, shape)",
    "expand_dims": "paddle.unsqueeze(x, axis)",
    "squeeze": "paddle.squeeze(x, axis)",
    "permute_dims": "paddle.transpose(x, axes)",
    "concat": "paddle.concat(arrays, axis=axis)",
    "stack": "paddle.stack(arrays, axis=axis)",
    "unstack": "paddle.unbind(x, axis=axis)",
    "broadcast_to": "paddle.broadcast_to(x, shape)",
    "take_along_axis": "paddle.take_along_axis(x, indices.astype('int64'), axis, broadcast=False)",
    "take": "paddle.gather_nd(x, paddle.unsqueeze(indices.astype('int64'), -1))",
    "stop_gradient": "x.detach()",
    "replace_gradient": "_Replaced.apply(value.detach(), x, gradient.detach())",
    "gradient": "_gradient(function, x.detach())",
    "is_integer": "not x.is_floating_point()",
    "resolution": "paddle.finfo(dtype).eps",
}

_MINDSPORE = {
    **_SHARED,
    "ones_like": "mindspore.ops.ones_like(x)",
    **_same("mindspore.ops", "abs exp log log1p sqrt square relu isinf logical_not cos acos any"),
    **_same("mindspore.ops", "maximum minimum logical_and logical_or matmul", "x1, x2"),
    "shape": "x.shape",
    "astype": "x.astype(dtype)",
    "eye": "mindspore.ops.eye(n, n, like.dtype)",
    "arange": "mindspore.ops.arange(n).astype(dtype)",
    "constant": """
        def constant(ops, value, dtype):
            return mindspore.Tensor(value, dtype)
    """,
    "pow": """
        def pow(ops, x, exponent):
            if exponent == 0:
                return mindspore.ops.ones_like(x)
            if 8 * exponent % 1 == 0:
                return mindspore.ops.pow(x, exponent)
            return mindspore.ops.pow(x, mindspore.Tensor(exponent, x.dtype))
    """,
    "clip": _BY_SELECTION,
    "where": "_where(condition, x1, x2)",
    "sum": """
        def sum(ops, x, axis, keepdims):
            return x if axis == () else mindspore.ops.sum(x, dim=axis, keepdim=keepdims)
    """,
    "mean": """
        def mean(ops, x, axis, keepdims):
            return x if axis == () else mindspore.ops.mean(x, axis=axis, keep_dims=keepdims)
    """,
    "max": "mindspore.mint.max(x, axis, keepdims)[0]",
    "cumulative_sum": "mindspore.ops.cumsum(x, axis)",
    "argsort": "mindspore.ops.argsort(x, axis)",
    "reshape": "mindspore.ops.reshape(x, shape)",
    "expand_dims": "mindspore.ops.expand_dims(x, axis)",
    "squeeze": "mindspore.ops.squeeze(x, axis)",
    "permute_dims": "mindspore.ops.permute(x, axes)",
    "concat": "mindspore.ops.cat(arrays, axis)",
    "stack": "mindspore.ops.stack(arrays, axis)",
    "unstack": "mindspore.ops.unbind(x, axis)",
    "broadcast_to": "mindspore.ops.broadcast_to(x, shape)",
    "take_along_axis": "mindspore.ops.gather_elements(x, axis, indices.astype(mindspore.int64))",
    "take": "mindspore.ops.gather(x, indices.astype(mindspore.int64), 0)",
    "stop_gradient": "mindspore.ops.stop_gradient(x)",
    "replace_gradient": "_replaced(value, x, gradient)",
    "gradient": "_gradient(function, x)",
    "is_integer": "not x.is_floating_point()",
    "resolution": "np.finfo(mindspore.dtype_to_nptype(dtype)).eps",
}

_MXNET = {
    **_SHARED,
    "ones_like": "mx.np.ones_like(x)",
    **_same("mx.np", "abs exp log log1p sqrt square isinf isnan logical_not cos"),
    **_same("mx.np", "maximum minimum matmul", "x1, x2"),
    "acos": "mx.np.arccos(x)",
    "logical_and": "mx.np.multiply(x1, x2)",
    "logical_or": "mx.np.add(x1, x2)",
    "relu": "mx.npx.relu(x)",
    "shape": "x.shape",
    "astype": "x.astype(dtype)",
    "eye": "mx.np.eye(n, dtype=like.dtype, ctx=like.ctx)",
    "arange": "mx.np.arange(n, dtype=dtype, ctx=like.ctx)",
    "pow": """
        def pow(ops, x, exponent):
            return mx.np.ones_like(x) if exponent == 0 else mx.np.power(x, exponent)
    """,
    "clip": _BY_SELECTION,
    "where": "_where(condition, x1, x2)",
    "sum": "_sum(x, axis=axis, keepdims=keepdims)",
    "mean": "_mean(x, axis=axis, keepdims=keepdims)",
    "max": "mx.np.max(x, axis=axis, keepdims=keepdims)",
    "cumulative_sum": "mx.np.cumsum(x, axis=axis % x.ndim)",
    "argsort": "mx.np.array(x.asnumpy().argsort(axis, kind='stable'), dtype='int64', ctx=x.ctx)",
    "reshape": "mx.np.reshape(x, shape)",
    "expand_dims": "mx.np.expand_dims(x, axis)",
    "squeeze": "mx.np.squeeze(x, axis)",
    "permute_dims": "mx.np.transpose(x, axes)",
    "concat": "mx.np.concatenate(arrays, axis=axis)",
    "stack": "mx.np.stack(arrays, axis=axis)",
    "unstack": "_unstack(x, axis)",
    "broadcast_to": "mx.np.broadcast_to(x, shape)",
    "take_along_axis": "_take_along_axis(x, indices, axis)",
    "take": "mx.np.take(x, indices, axis=0)",
    "stop_gradient": "x.detach()",
    "replace_gradient": "_replaced(value, x, gradient)",
    "gradient": "_gradient(function, x)",
    "is_integer": "'int' in str(x.dtype)",
    "resolution": "np.finfo(dtype).eps",
}

PHRASES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "torch": _TORCH,
        "tensorflow": _TENSORFLOW,
        "paddle": _PADDLE,
        "mindspore": _MINDSPORE,
        "mxnet": _MXNET,
        "jax": _JAX,
    }
)
"""By framework and operation."""

DTYPES: Mapping[str, str] = MappingProxyType({"torch": "torch.{}", "mindspore": "mindspore.{}"})
"""How a dtype is written that has a name; elsewhere its name is taken as it is."""

ALIASES: Mapping[str, str] = MappingProxyType(
    {
        "torch": "import torch",
        "tf": "import tensorflow as tf",
        "paddle": "import paddle",
        "mindspore": "import mindspore",
        "mx": "import mxnet as mx",
        "jnp": "import jax.numpy as jnp",
        "jax": "import jax",
        "np": "import numpy as np",
        "math": "import math",
        "itertools": "import itertools",
    }
)
"""The import of what code calls a module."""
