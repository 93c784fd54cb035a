"""Each loss on its own framework beside the native one, over shapes, dtypes and parameters."""

from __future__ import annotations

import dataclasses
import json
import re
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from unified_loss.conformance.domains import Draw, domains
from unified_loss.conformance.domains.draw import seeded
from unified_loss.conformance.explanation import explain
from unified_loss.conformance.worker import check_case

from unified_loss.naming import native_names, resolve

DOMAINS = domains()
ROWS = sorted({resolve(name).native_name for name in native_names()})


# JAX compiles each operation for each new shape, MindSpore's eager mode is slow.
EXAMPLES = {"jax": 3, "mindspore": 5}


def pairs():
    for loss, domain in DOMAINS.items():
        backend = domain.case(seeded(0, domain.dtypes[0]), "any").native_backend
        yield pytest.param(backend, loss, id=f"backend={backend}-{loss}")


@pytest.mark.parametrize(("backend", "loss"), list(pairs()), indirect=["backend"])
def test_ours_is_the_native_loss(backend, loss):
    domain = DOMAINS[loss]

    @settings(max_examples=EXAMPLES.get(backend.name, 8), deadline=None, derandomize=True)
    @given(data=st.data())
    def holds(data):
        draw = Draw(
            np.random.default_rng(data.draw(st.integers(0, 2**32 - 1), label="seed")),
            lambda options: data.draw(st.sampled_from(options)),
            data.draw(st.sampled_from(domain.dtypes), label="dtype"),
        )
        case = domain.case(draw, "drawn by hypothesis")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the native losses run beside ours, and may warn
            result = check_case(case, backend)
        # MindSpore 2.10.0 says this, beside that it supports int, in a process that has run for minutes.
        assume(not re.search(r"tuple as index, but got \d+ with type <class 'int'>", result.reason or ""))
        assert result.status == "ok", json.dumps(explain(case, result), indent=1)

    holds()


@pytest.mark.parametrize("loss", sorted(DOMAINS))
def test_every_parameter_takes_more_than_one_value(loss):
    domain = DOMAINS[loss]
    drawn = [domain.draw(seeded(seed, "float32")) for seed in range(40)]
    row = resolve(loss)
    names = row.parameters if hasattr(row, "parameters") else [f.name for f in dataclasses.fields(row)]
    for name in names:
        if name in domain.fixed:
            continue
        values = [str(kwargs.get(name, tensors.get(name, "left out"))) for kwargs, tensors, *_ in drawn]
        assert len(set(values)) > 1, f"{loss}: {name} is always {values[0]}"
