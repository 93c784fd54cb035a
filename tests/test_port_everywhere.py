"""Every loss, ported from each dialect to each other that has it, run beside its source in the frameworks."""

import collections
import itertools

import pytest
from unified_loss.conformance.scheduling import Limits

import unified_loss as ul
from unified_loss import availability
from unified_loss.porting.judgement import proved
from unified_loss.porting.pairs import DIALECTS, dialect_of, pairs
from unified_loss.porting.source import FRAMEWORKS
from unified_loss.registry import ENTRIES

_SEVERAL = "gives a second output beside the losses, which the port leaves out", ("output shape",)
_NO_KERNEL = "MindSpore 2.10.0 has no kernel of the source on a CPU, and no values are recorded", ("kernel",)
_FLOOR = (
    "Paddle 3.3.1's CTC takes each probability for at least the smallest normal number, "
    "so that a frame adds at most 87.34",
    ("kernel",),
)

# What is neither exact nor proved, with why, and by which causes that is told.
EXPLAINED = {
    "keras.losses.CTC() -> paddle": _FLOOR,
    "keras.losses.ctc() -> paddle": _FLOOR,
    "mindspore.nn.CTCLoss() -> paddle": _FLOOR,
    "mxnet.gluon.loss.CTCLoss() -> paddle": _FLOOR,
    "tf.nn.ctc_loss() -> paddle": _FLOOR,
    "mindspore.ops.CTCLossV2() -> mxnet": _SEVERAL,
    "mindspore.ops.CTCLossV2() -> torch": _SEVERAL,
    "mindspore.ops.CTCLossV2() -> tensorflow": _SEVERAL,
    "mindspore.ops.CTCLossV2() -> paddle": _SEVERAL,
    "mindspore.ops.RNNTLoss() -> paddle": _SEVERAL,
    "mindspore.mint.nn.CrossEntropyLoss() -> mxnet": _NO_KERNEL,
    **{f"mindspore.mint.nn.KLDivLoss() -> {to}": _NO_KERNEL for to in DIALECTS if to != "mindspore"},
    "keras.losses.ctc() -> mxnet": (
        "MXNet 1.9.1's CTC reads uninitialised memory where a sequence of labels is empty",
        ("kernel",),
    ),
    "paddle.nn.KLDivLoss() -> mindspore": (
        "MindSpore 2.10.0 takes a negative target for 0 in the value, and not in the gradient",
        ("kernel",),
    ),
    "mindspore.nn.TripletMarginWithDistanceLoss() -> paddle": (
        "Paddle 3.3.1's gradient of a norm that underflows is 0 / 0",
        ("kernel",),
    ),
    "mindspore.nn.SmoothL1Loss() -> optax": (
        "optax 0.2.8's gradient of a small Huber loss is (x - 1) + 1, which has as many digits as 1",
        ("kernel",),
    ),
    **{
        f"keras.losses.cosine_similarity() -> {to}": (
            "where the vectors are parallel, the gradient is the difference of two equal numbers of size "
            "6000; Keras 3.15.1's happens to be exactly 0",
            ("kernel",),
        )
        for to in ("mindspore", "optax")
    },
    **{
        f"tf.compat.v1.nn.ctc_loss() -> {to}": ("its labels are a SparseTensor, which no other takes", ())
        for to in ("mxnet", "torch", "paddle", "mindspore")
    },
}


@pytest.fixture
def frameworks(request):
    """That all are installed."""
    missing = [name for name in {*FRAMEWORKS.values()} if not availability.version(ENTRIES[name])]
    if missing and not request.config.getoption("--all-backends"):
        pytest.skip(f"needs {', '.join(sorted(missing))}")


def test_every_loss_is_ported_between_all_dialects_and_runs_as_its_source(frameworks):
    ported = [ul.port(call, to, prove=False) for call, to in pairs()]
    assert len(ported) > 500
    assert {(dialect_of(p.source.name), p.to) for p in ported} == set(itertools.permutations(DIALECTS, 2))
    # The trial on NumPy that these are the best of.
    verdicts = collections.Counter(p.verdict if p.native else "none" for p in ported)
    assert verdicts["exact"] + verdicts["adapted"] >= 0.95 * len(ported), verdicts

    ported = proved(ported, count=2, limits=Limits(jobs=2))
    held = [p for p in ported if p.native and p.verdict != "approximate" and p.proof.holds]
    unexplained, needed = [], set()
    for p in ported:
        shown = f"{p.source} -> {p.to}"
        if any(p is other for other in held):
            assert p.proof.kind in ("live", "golden") and p.proof.native.agree > 0
            continue
        needed.add(shown)
        told = {residual.cause for residual in p.differences}
        explained = EXPLAINED.get(shown)
        if explained is None or not set(explained[1]) <= told or not (p.native or p.reason):
            unexplained.append(f"{shown} ({p.target}): {[str(d) for d in p.differences]}\n{p.proof}")
        assert p.verdict == "approximate" or p.native is None, shown
    assert not unexplained, "\n\n".join(unexplained)
    assert needed == set(EXPLAINED), f"explained, and proved: {sorted(set(EXPLAINED) - needed)}"
    assert len(held) >= 0.95 * len(ported), f"{len(held)} of {len(ported)}"
