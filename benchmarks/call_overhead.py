"""What a dialect loss costs per call over the same torch operations written by hand.

    python benchmarks/call_overhead.py [--json FILE]

Small tensors (32 x 10), so that the call itself is what is measured. Both sides give the same
values and gradients, which is checked first; they are timed in turn, one thread, and the median
of the rounds is given with its spread.
"""

from __future__ import annotations

import argparse
import json
import statistics
import timeit

import torch
from torch.nn import functional

from unified_loss.dialects.mxnet.gluon import loss as gloss

ROUNDS, CALLS = 15, 1000


def by_hand(pred: torch.Tensor, label: torch.Tensor) -> torch.Tensor:
    # Gluon's semantics: float labels are truncated and clipped, the rest is averaged per sample.
    index = label.clamp(0, pred.shape[1] - 1).long().unsqueeze(1)
    return (-functional.log_softmax(pred, dim=1).gather(1, index)).mean(dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", metavar="FILE", help="write the figures as JSON")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    pred = torch.randn(32, 10, requires_grad=True)
    label = torch.randint(0, 10, (32,)).float()
    loss = gloss.SoftmaxCrossEntropyLoss(axis=1)

    def gradient(function: object) -> torch.Tensor:
        return torch.autograd.grad(function(pred, label).sum(), pred)[0]  # type: ignore[operator]

    torch.testing.assert_close(loss(pred, label), by_hand(pred, label), rtol=0, atol=0)
    torch.testing.assert_close(gradient(loss), gradient(by_hand), rtol=0, atol=0)

    ours, theirs = [], []
    for _ in range(ROUNDS):
        theirs.append(timeit.timeit(lambda: by_hand(pred, label), number=CALLS) / CALLS * 1e6)
        ours.append(timeit.timeit(lambda: loss(pred, label), number=CALLS) / CALLS * 1e6)
    differences = [a - b for a, b in zip(ours, theirs, strict=True)]
    figures = {
        "torch": torch.__version__,
        "dialect_us": statistics.median(ours),
        "by_hand_us": statistics.median(theirs),
        "overhead_us": statistics.median(differences),
        "overhead_us_range": [min(differences), max(differences)],
        "ratio": statistics.median(a / b for a, b in zip(ours, theirs, strict=True)),
    }
    print(f"SoftmaxCrossEntropyLoss(axis=1) on torch {figures['torch']}, 32 x 10, forward, per call")
    print(f"  through the dialect {figures['dialect_us']:6.1f} us")
    print(f"  written by hand     {figures['by_hand_us']:6.1f} us")
    print(
        f"  overhead            {figures['overhead_us']:6.1f} us "
        f"({min(differences):.1f} to {max(differences):.1f}), ratio {figures['ratio']:.2f}"
    )
    if options.json:
        with open(options.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=2)


if __name__ == "__main__":
    main()
