"""Every loss inside the traced functions of the frameworks, where values cannot be read."""

from __future__ import annotations

import numpy as np
import pytest
from unified_loss.conformance.calls import converted, prepared_call
from unified_loss.conformance.domains import domains
from unified_loss.conformance.domains.draw import seeded
from unified_loss.conformance.worker import load_state

from unified_loss.naming import resolve

TRACERS = {
    "jax": lambda framework, function: framework.jit(function),
    "tensorflow": lambda framework, function: framework.function(function),
    "torch": lambda framework, function: framework.compile(function, fullgraph=True, backend="eager"),
}


@pytest.mark.backends(*TRACERS)
@pytest.mark.parametrize("loss", sorted(domains()))
@pytest.mark.filterwarnings("ignore")  # tracing warns of what the framework itself deprecates
def test_a_traced_loss_is_the_same(loss, backend):
    case = domains()[loss].case(seeded(7, "float32"), "traced")
    call = prepared_call(case, resolve(loss), backend.asarray, load_state, backend)
    given = [converted(entry.value, backend.asarray, backend) for entry in case.inputs]
    positions = [i for i, x in enumerate(given) if backend.is_tensor(x)]

    def of_tensors(*tensors):
        full = list(given)
        for i, x in zip(positions, tensors, strict=True):
            full[i] = x
        return call(*full)

    tensors = [given[i] for i in positions]
    expected = of_tensors(*tensors)
    if backend.name == "torch":
        backend.framework._dynamo.reset()
    actual = TRACERS[backend.name](backend.framework, of_tensors)(*tensors)
    for one, other in zip(actual, expected, strict=True):
        np.testing.assert_allclose(backend.to_numpy(one), backend.to_numpy(other), 1e-5, 1e-6)
