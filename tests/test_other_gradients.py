"""Gradients by inputs other than the first, ours beside the native losses' own."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from unified_loss.conformance import live
from unified_loss.conformance.cases import Case, Input

import unified_loss as ul
from unified_loss.naming import resolve

RNG = np.random.default_rng(5)
X, Y, Z = RNG.normal(size=(3, 3, 4))
P, Q, WEIGHT = RNG.uniform(0.1, 0.9, size=(3, 3, 4))
VARIANCE = WEIGHT + 0.5
F = "torch.nn.functional"

# The loss, its tensors, and the position of that which is differentiated by.
CALLS = [
    (f"{F}.mse_loss", (X, Y), 1),
    (f"{F}.huber_loss", (X, Y), 1),
    (f"{F}.binary_cross_entropy_with_logits", (X, Q), 1),
    (f"{F}.cross_entropy", (X, Q / Q.sum(1, keepdims=True)), 1),
    (f"{F}.kl_div", (np.log(P), Q), 1),
    (f"{F}.poisson_nll_loss", (X, 3 * Q), 1),
    (f"{F}.gaussian_nll_loss", (X, Y, VARIANCE), 1),
    (f"{F}.gaussian_nll_loss", (X, Y, VARIANCE), 2),
    (f"{F}.triplet_margin_loss", (X, Y, Z), 1),
    (f"{F}.triplet_margin_loss", (X, Y, Z), 2),
    ("keras.losses.mean_squared_error", (X, Y), 0),
    ("keras.losses.huber", (X, Y), 0),
    ("keras.losses.log_cosh", (X, Y), 0),
    ("keras.losses.cosine_similarity", (X, Y), 0),
    ("tf.nn.sigmoid_cross_entropy_with_logits", (Q, X), 0),
    ("optax.losses.huber_loss", (X, Y), 1),
    ("optax.losses.softmax_cross_entropy", (X, Q), 1),
    ("optax.losses.sigmoid_binary_cross_entropy", (X, Q), 1),
    ("optax.losses.cosine_distance", (X, Y), 1),
    ("paddle.nn.functional.mse_loss", (X, Y), 1),
    ("paddle.nn.functional.triplet_margin_loss", (X, Y, Z), 2),
]
CLASSES = [("mxnet.gluon.loss.L2Loss", (X, Y), 1), ("mxnet.gluon.loss.TripletLoss", (X, Y, Z), 2)]


@pytest.mark.filterwarnings("ignore")  # natives warn of what they deprecate
@pytest.mark.backends("torch", "tensorflow", "paddle", "mxnet", "jax")
def test_the_gradient_by_a_target_or_another_input_is_the_native_one(backend):
    compared = 0
    for loss, tensors, position in (*CALLS, *CLASSES):
        keywords = {"reduction": "sum"} if loss.startswith(("torch", "paddle")) else {}
        call = "class" if loss.startswith("mxnet") else "function"
        inputs = tuple(Input(f"input {i}", x) for i, x in enumerate(tensors))
        case = Case(loss, loss, keywords, inputs, "live", "", loss.split(".")[0].replace("tf", "tensorflow"),
                    call=call, gradient_of=position)  # fmt: skip
        if case.native_backend != backend.name:
            continue
        native = live.native_outcome(case, backend).gradient
        row = resolve(loss)
        ours = row() if call == "class" else functools.partial(row, **keywords)
        _, found = ul.value_and_grad(ours, position)(*(backend.asarray(x) for x in tensors))
        np.testing.assert_allclose(backend.to_numpy(found), native, rtol=1e-9, atol=1e-12, err_msg=loss)
        compared += 1
    assert compared
