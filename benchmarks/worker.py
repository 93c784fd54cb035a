"""Runs the cases of one framework, in a process of its own, and prints a JSON record for each arm."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from unified_loss.conformance.calls import gradient_output, input_tensors, prepared_call
from unified_loss.conformance.natives import native
from unified_loss.conformance.worker import load_state

import unified_loss as ul
from unified_loss.naming import resolve

from .inputs import case_of
from .timing import copy_seconds, mismatch, summary, time_in_turn


def _threads(backend: Any, threads: int) -> None:
    if backend.name == "torch":
        backend.framework.set_num_threads(threads)
    if backend.name == "tensorflow":
        backend.framework.config.threading.set_intra_op_parallelism_threads(threads)


def _wait(backend: Any) -> Callable[[Any], Any]:
    """Makes sure that a tensor is computed, as the framework does it."""
    if backend.name == "jax":
        return lambda x: x.block_until_ready()
    if backend.name == "mxnet":
        return lambda x: x.wait_to_read()
    if backend.name == "mindspore":
        return lambda _: backend.framework.runtime.synchronize()
    return lambda _: None


def _compiled(backend: Any) -> Callable[[Any], Any] | None:
    f = backend.framework
    if backend.name == "tensorflow":
        return lambda x: f.function(x, jit_compile=True)
    if backend.name == "jax":
        return f.jit
    return f.compile if backend.name == "torch" else None


def _arm(case: Any, backend: Any, arm: str, inputs: list[Any], backward: bool) -> Callable[[], list[Any]]:
    whose, _, mode = arm.partition("-")
    loss = resolve(case.loss) if whose == "ours" else native(case.loss, backend)
    in_mode: Any = lambda x: x  # noqa: E731
    if mode:
        in_mode = (lambda x: ul.compile(x, backend=backend.name)) if whose == "ours" else _compiled(backend)
        if in_mode is None:
            raise NotImplementedError("the framework's own losses have no compiled arm here")
    call = prepared_call(case, loss, backend.asarray, load_state, backend, in_mode)
    wait = _wait(backend)
    if backward:
        both = ul.value_and_grad(lambda *xs: call(*xs)[gradient_output(case)], case.gradient_of)

        def run() -> list[Any]:
            value, gradient = both(*inputs)
            wait(gradient)
            return [value, gradient]
    else:

        def run() -> list[Any]:
            value = call(*inputs)[gradient_output(case)]
            wait(value)
            return [value]

    return run


def records(
    name: str, backend: Any, options: dict[str, Any], size: str, backward: bool
) -> list[dict[str, Any]]:
    """The records of all arms of a loss; the first arm is what the others are compared with."""
    common = {"framework": backend.name, "loss": name, "size": size, "dtype": "float32"}
    common["direction"] = "forward+backward" if backward else "forward"
    case = case_of(name, size)
    if case is None:
        return [{**common, "arm": "ours", "status": "no inputs"}]
    tensors = input_tensors(case, backend.asarray, backend)
    common["shapes"] = [list(np.shape(entry.value)) for entry in case.inputs]
    common["parameters"] = {k: repr(v)[:80] for k, v in case.kwargs.items()}
    made, found, expected = {}, [], None
    for arm in options["arms"]:
        record = {**common, "arm": arm, "status": "ok"}
        found.append(record)
        try:
            run = _arm(case, backend, arm, tensors, backward)
            start = time.perf_counter()
            got = [np.asarray(backend.to_numpy(x), "float64") for x in run()]
            record["first_call"] = time.perf_counter() - start
        except Exception as error:  # noqa: BLE001  the record says it
            record.update(status="error", reason=f"{type(error).__name__}: {error}"[:300])
            continue
        if expected is None:
            expected = got
        different = mismatch(expected, got)
        if different:
            record.update(status="mismatch", reason=different[:300])
        else:
            made[arm] = run
    arrays = [e.value for e in case.inputs if isinstance(e.value, np.ndarray)]
    limit = copy_seconds(arrays, arrays[0] if backward else np.empty(0))
    for arm, times in time_in_turn(made, options["rounds"], options["budget"]).items():
        record = next(r for r in found if r["arm"] == arm)
        record.update(summary(times), copy=limit)
    base = next((r["median"] for r in found if r["arm"] == "native" and "median" in r), None)
    for record in found:
        if base and "median" in record:
            record["ratio"] = record["median"] / base
    return found


def main() -> None:
    options = json.loads(sys.argv[1])
    backend = _load(options["framework"])
    _threads(backend, options["threads"])
    print("@" + json.dumps({"version": backend.version}), flush=True)
    for name, size, backward in options["cases"]:
        print("@" + json.dumps({"starts": [name, size, backward]}), flush=True)
        try:
            found = records(name, backend, options, size, backward)
        except Exception as error:  # noqa: BLE001
            reason = f"{type(error).__name__}: {error}"[:300]
            found = [
                {
                    "framework": backend.name,
                    "loss": name,
                    "size": size,
                    "arm": "ours",
                    "direction": "forward+backward" if backward else "forward",
                    "dtype": "float32",
                    "status": "error",
                    "reason": reason,
                }
            ]
        for record in found:
            print("@" + json.dumps(record, default=str), flush=True)


def _load(name: str) -> Any:
    from unified_loss.dispatch import get_backend

    ul.import_backends(name)
    return get_backend(name)


if __name__ == "__main__":
    main()
