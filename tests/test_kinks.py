"""At every kink that a dialect's losses have, what the framework itself does there is recorded."""

from __future__ import annotations

import functools
from collections import defaultdict

import numpy as np
import pytest
from unified_loss.conformance.domains import domains
from unified_loss.conformance.kinks import Grid, drawn, met
from unified_loss.conformance.stored import stored_cases

import unified_loss as ul

IMPOSSIBLE = "the number that stands for the logarithm of 0"
LENGTH = "a length of some epsilon is none that vectors have, and away from 0 the gradient goes on smoothly"
SHIFTS = "only shifts the scores, which leaves the loss as it is"
DIVIDED = "probabilities are divided by their sum before, which in exact numbers never gives the end"
GIVEN = "of a function that the caller gives"
REPLACED = "of no 0: what is 0 was replaced, and findings have the gradient there"
NOWHERE_MET = {
    "clip min at sequence.forward": IMPOSSIBLE,
    "clip min at transducer._step": IMPOSSIBLE,
    "clip min at transducer.rnnt": IMPOSSIBLE,
    "clip min at binary.binary_cross_entropy": "a floor in the derivative; in Keras a clip, which is met",
    "clip min at contrastive.nt_xent": LENGTH,
    "clip min at embedding.cosine_embedding": LENGTH,
    "clip min at embedding.direction": LENGTH,
    "sqrt at embedding._length": "of no less than an epsilon",
    "sqrt at contrastive.nt_xent": REPLACED,
    "sqrt at the plan": REPLACED,
    "max at structured._projected_to_simplex": SHIFTS,
    "max at structured.<listcomp>": GIVEN,
    "vector_norm at distances._beyond_margin": GIVEN,
    "clip min at focal_probability.categorical_focal_cross_entropy": DIVIDED,
    "clip max at focal_probability.categorical_focal_cross_entropy": DIVIDED,
    "clip min at regression.squared_logarithmic_error": "Keras's 1e-7 is no float32, in which it computes",
}
ENTRIES = 3000  # more would take the oracle long


@functools.cache
def kinks():
    """For each framework and kink, whether a case with a gradient recorded from it is there."""
    found = defaultdict(bool)
    for case in stored_cases():
        entries = sum(x.value.size for x in case.inputs if isinstance(x.value, np.ndarray))
        known = case.expected is not None and case.expected.gradient is not None
        if known and case.gradient_of is not None and case.runs_natively and entries < ENTRIES:
            for site, is_met in met(case).items():
                found[case.framework, site] |= is_met
    return dict(found)


def test_every_kink_is_met_by_a_recorded_case_of_each_framework_that_has_it():
    found = kinks()
    assert len(found) > 60
    missing = [(framework, site) for (framework, site), is_met in found.items() if not is_met]
    assert not [entry for entry in missing if entry[1] not in NOWHERE_MET]
    # No reason is left over.
    assert {site for _, site in missing} == set(NOWHERE_MET)


def test_what_is_met_is_told_from_what_is_not():
    case = drawn(domains()["torch.nn.L1Loss"], 1)
    assert met(case) == {"abs at regression.absolute_error": True}
    case = next(case for case in domains()["torch.nn.L1Loss"].cases())
    assert met(case) == {"abs at regression.absolute_error": False}


def test_the_grid_has_nothing_between_its_points():
    values = np.random.default_rng(1)
    grid = Grid(values, values, "float64")
    x = np.concatenate([grid.normal(50), grid.distribution(10, 4).sum(axis=1), grid.uniform(-1.0, 2.0, 50)])
    assert np.all((x * 4 == np.round(x * 4)) | (x == 1e-7))
    assert {grid.choice(0.3, 0.5, 0.7) for _ in range(9)} == {0.5}


# The kinks of the canonical losses, by their documentation.
AT_KINKS = [
    ("absolute_error", ([1.0], [1.0]), {}, [0.0]),
    ("huber", ([2.0, -2.0, 0.0], [0.0] * 3), {"delta": 2.0}, [2.0, -2.0, 0.0]),
    ("smooth_l1", ([0.0, 3.0], [0.0, 0.0]), {"beta": 0.0}, [0.0, 1.0]),
    *(("hinge", ([1.0], [1.0]), {"gradient_at_zero": share}, [-share]) for share in (0.0, 0.5, 1.0)),
    ("squared_hinge", ([1.0], [1.0]), {}, [0.0]),
    ("margin_ranking", ([1.0], [1.0], [1.0]), {"gradient_at_zero": 0.5}, [-0.5]),
    ("perceptron", ([0.0], [1.0]), {"gradient_at_zero": 0.25}, [-0.25]),
    ("categorical_hinge", ([[0.0, 2.0, 2.0]], [[1.0, 0.0, 0.0]]), {}, [[-1.0, 0.5, 0.5]]),
    ("multiclass_perceptron", ([[1.0, 1.0, 0.0]], [2]), {}, [[0.5, 0.5, -1.0]]),
    ("cosine_embedding", ([[0.0, 0.0]], [[1.0, 0.0]], [1.0]), {"epsilon": 0.0}, [[0.0, 0.0]]),
    ("triplet_margin", ([[0.0]], [[0.0]], [[1.0]]), {"epsilon": 0.0, "margin": 2.0}, [[1.0]]),
    ("binary_cross_entropy", ([0.25], [1.0]), {"clip": 0.25, "gradient_floor": None}, [-4.0]),
    ("squared_logarithmic_error", ([0.0], [np.e - 1]), {}, [-2.0]),
    ("absolute_percentage_error", ([2.0], [2.0]), {}, [0.0]),
    ("sparsemax", ([1.0, -1.0], [0.0, 0.0]), {}, [1.0, 0.0]),
]


@pytest.mark.parametrize(("name", "inputs", "parameters", "slope"), AT_KINKS)
def test_the_documented_subgradient_at_a_kink(backend, name, inputs, parameters, slope):
    tensors = [backend.asarray(np.array(x)) for x in inputs]
    loss = functools.partial(getattr(ul.losses, name), **parameters, reduction="sum")
    _, gradient = ul.value_and_grad(loss)(*tensors)
    np.testing.assert_allclose(backend.to_numpy(gradient), slope, rtol=1e-12)


@pytest.mark.parametrize(
    ("how", "slope"), [("clamped", 2), ("halved", 1), ("straight_through", 2), ("none", 0)]
)
def test_the_gradient_by_a_variance_that_is_the_least(backend, how, slope):
    x, variance = backend.asarray(np.array([0.75, 2.0])), backend.asarray(np.array([0.25, 1.0]))
    loss = functools.partial(ul.losses.gaussian_nll, epsilon=0.25, variance_gradient=how, reduction="sum")
    _, gradient = ul.value_and_grad(loss, 2)(x, x, variance)
    # 1 / (2 v) where the prediction is right.
    np.testing.assert_allclose(backend.to_numpy(gradient), [slope, 0 if how == "none" else 0.5])
