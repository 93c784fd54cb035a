"""How the pages of the catalogue call frameworks, and write numbers."""

from __future__ import annotations

import math
from typing import Any

FRAMEWORKS = {
    "mxnet": "MXNet",
    "torch": "PyTorch",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "paddle": "PaddlePaddle",
    "mindspore": "MindSpore",
    "optax": "optax",
    "jax": "JAX",
    "numpy": "NumPy",
}
LETTERS = {"ctc", "kl", "l1", "nce", "nll", "nt", "rnnt", "sdml", "svm"}
MUCH = 20
"""Above so many times as much, a factor is written, no percentage."""


def stem(name: str) -> str:
    """A name without its path, case, underlines and ``loss``, as losses that are called alike share it."""
    return name.rpartition(".")[2].lower().replace("_", "").replace("loss", "")


def titled(loss: str) -> str:
    """The name of a canonical loss, as a title."""
    words = [word.upper() if word in LETTERS else word for word in loss.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def elements(nested: Any) -> list[float]:
    """The numbers of nested lists, in one list."""
    if isinstance(nested, list):
        return [number for part in nested for number in elements(part)]
    return [float(nested)]


def shape_of(nested: Any) -> tuple[int, ...]:
    """The lengths of nested lists."""
    return (len(nested), *(shape_of(nested[0]) if nested else ())) if isinstance(nested, list) else ()


def number(value: Any, digits: int = 4) -> str:
    """A number in so many digits."""
    return f"{float(value) + 0.0:.{digits}g}"  # no -0


def tensor(nested: Any) -> str:
    """A result: a number, few of them, or a shape and the sum."""
    shape = shape_of(nested)
    if not shape:
        return number(nested)
    if len(shape) == 1 and shape[0] <= 4:
        return f"[{', '.join(number(value, 3) for value in nested)}]"
    return f"shape {shape}, sum {number(sum(elements(nested)))}"


def apart(first: float, second: float) -> str:
    """How far a second number is from a first, in percent of it, or as a factor."""
    if math.isnan(first) or math.isnan(second) or math.isinf(first) or math.isinf(second):
        return f"{number(second)} against {number(first)}"
    if first == 0:
        return f"{number(second)} against 0"
    factor = second / first
    if abs(factor) >= MUCH:
        return f"{factor:.3g} times"
    return percent(factor - 1, signed=True)


def percent(part: float, *, signed: bool = False) -> str:
    """A part of 1, in percent, with a digit behind the point where there is none before it."""
    sign = ("+" if part > 0 else "\u2212") if signed and part else ("\u2212" if part < 0 else "")
    size = abs(100 * part)
    if size < 0.01:
        text = f"{size:.0e}".replace("e-0", "e-")
    elif size < 1:
        text = f"{size:.2g}"
    else:
        text = f"{size:.0f}"
    return f"{sign}{text}\u00a0%"


def cell(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
