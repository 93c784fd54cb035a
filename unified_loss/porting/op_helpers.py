"""The functions that the operations in `op_phrases` are written with, where an expression is not enough."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

_TORCH = {
    "_Replaced": """
class _Replaced(torch.autograd.Function):
    @staticmethod
    def forward(ctx, value, x, gradient):
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(ctx, head):
        return None, ctx.saved_tensors[0], None
""",
}

_JAX = {
    "_replaced": """
@jax.custom_vjp
def _replaced(value, x, gradient):
    return value


_replaced.defvjp(
    lambda value, x, gradient: (value, gradient),
    lambda gradient, head: (None, gradient, None),
)
""",
}

_TENSORFLOW = {
    "_where": """
def _where(condition, x, y):
    dtype = (x if tf.is_tensor(x) else y).dtype
    return tf.where(condition, tf.convert_to_tensor(x, dtype), tf.convert_to_tensor(y, dtype))
""",
    "_replaced": """
@tf.custom_gradient
def _replaced(value, x, gradient):
    return tf.identity(value), lambda head: (None, gradient, None)
""",
    "_gradient": """
def _gradient(function, x):
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = function(x)
    return tf.stop_gradient(tape.gradient(value, x, unconnected_gradients="zero"))
""",
}

_PADDLE = {
    "_where": """
def _where(condition, x, y):
    like = x if isinstance(x, paddle.Tensor) else y
    x, y = (v if isinstance(v, paddle.Tensor) else paddle.full_like(like, v) for v in (x, y))
    return paddle.where(condition, x, y)
""",
    "_Replaced": """
class _Replaced(paddle.autograd.PyLayer):
    @staticmethod
    def forward(ctx, value, x, gradient):
        ctx.save_for_backward(gradient)
        return value.clone()

    @staticmethod
    def backward(ctx, head):
        (gradient,) = ctx.saved_tensor()
        return None, gradient, None
""",
    "_gradient": """
def _gradient(function, x):
    x.stop_gradient = False
    with paddle.enable_grad():
        (gradient,) = paddle.grad([function(x)], [x])
    return gradient.detach()
""",
}

_MINDSPORE = {
    "_where": """
def _where(condition, x, y):
    like = x if isinstance(x, mindspore.Tensor) else y
    x, y = (v if isinstance(v, mindspore.Tensor) else mindspore.ops.full_like(like, v) for v in (x, y))
    return mindspore.ops.where(condition, x, y)
""",
    "_replaced": """
def _replaced(value, x, gradient):
    def replacement(head):
        return gradient

    slope = mindspore.ops.InsertGradientOf(replacement)(x)
    always = mindspore.ops.ones_like(x, dtype=mindspore.bool_)
    return mindspore.ops.where(always, mindspore.ops.stop_gradient(value), slope)
""",
    "_gradient": """
def _gradient(function, x):
    gradient = mindspore.grad(function)(mindspore.ops.stop_gradient(x))
    return mindspore.ops.stop_gradient(gradient)
""",
}

_MXNET = {
    "_where": """
def _where(condition, x, y):
    like = x if isinstance(x, mx.nd.NDArray) else y
    x, y = (
        v if isinstance(v, mx.nd.NDArray) else mx.np.array([v], dtype=like.dtype, ctx=like.ctx)
        for v in (x, y)
    )
    return mx.np.where(condition, x, y)
""",
    "_sum": """
def _sum(x, axis=None, keepdims=False):
    if axis == ():
        return x
    return mx.nd.sum(x.as_nd_ndarray(), axis=axis, keepdims=keepdims).as_np_ndarray()
""",
    "_mean": """
def _mean(x, axis=None, keepdims=False):
    if axis == ():
        return x
    return mx.nd.mean(x.as_nd_ndarray(), axis=axis, keepdims=keepdims).as_np_ndarray()
""",
    "_unstack": """
def _unstack(x, axis):
    return [mx.np.squeeze(part, axis) for part in mx.np.split(x, x.shape[axis], axis=axis)]
""",
    "_take_along_axis": """
def _take_along_axis(x, indices, axis):
    axis %= x.ndim
    if indices.shape[axis] == 1:
        return mx.npx.pick(x, indices, axis=axis, keepdims=True)
    grid = [
        mx.np.arange(n, dtype="int64", ctx=x.ctx).reshape((n,) + (1,) * (x.ndim - i - 1))
        for i, n in enumerate(indices.shape)
    ]
    grid[axis] = indices.astype("int64")
    return mx.npx.gather_nd(x, mx.np.stack([mx.np.broadcast_to(g, indices.shape) for g in grid]))
""",
    "_replaced": """
def _replaced(value, x, gradient):
    slope = mx.nd.MakeLoss((x * gradient.detach()).as_nd_ndarray()).as_np_ndarray()
    always = mx.np.ones(x.shape, dtype="bool", ctx=x.ctx)
    return mx.np.where(always, value.detach(), slope)
""",
    "_gradient": """
def _gradient(function, x):
    x = x.detach()
    x.attach_grad()
    with mx.autograd.record():
        value = function(x)
    value.backward()
    return x.grad.detach()
""",
}

HELPERS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "torch": _TORCH,
        "tensorflow": _TENSORFLOW,
        "paddle": _PADDLE,
        "mindspore": _MINDSPORE,
        "mxnet": _MXNET,
        "jax": _JAX,
    }
)
"""By framework and name, as they stand in the code."""
