"""The benchmark's gate and statistics; nothing here depends on how long anything takes."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.report import geometric_means, misses, page  # noqa: E402
from benchmarks.timing import mismatch, summary, time_in_turn  # noqa: E402


def test_a_wrong_arm_is_a_mismatch():
    right = [np.array(2.0), np.array([1.0, 3.0])]
    assert mismatch(right, [np.array(2.0), np.array([1.0, 3.0])]) == ""
    assert mismatch(right, [np.array(2.1), np.array([1.0, 3.0])]).startswith("value differs")
    assert mismatch(right, [np.array(2.0), np.array([1.0, 3.1])]).startswith("gradient differs")


def test_arms_are_timed_in_turn():
    order: list[str] = []
    times = time_in_turn({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 4, 10.0)
    assert {name: len(x) for name, x in times.items()} == {"a": 4, "b": 4}
    assert {"a", "b"} == set(order)


def test_a_summary_is_the_median_and_the_quartiles():
    assert summary([1.0, 2.0, 3.0, 4.0, 100.0]) == {"median": 3.0, "quartiles": [2.0, 4.0], "rounds": 5}


def _record(loss: str, ratio: float, arm: str = "ours", **more: object) -> dict[str, object]:
    return {
        "framework": "torch", "loss": loss, "size": "medium", "direction": "forward+backward",
        "arm": arm, "status": "ok", "ratio": ratio, "median": ratio, "copy": 0.1, **more,
    }  # fmt: skip


def test_misses_come_first_and_the_slowest_before_the_others():
    records = [_record("a", 0.5), _record("b", 2.0), _record("c", 4.0), _record("d", 0.9, "ours-compiled")]
    assert [r["loss"] for r in misses(records)] == ["c", "b", "d"]
    assert geometric_means(records[:2]) == {"torch": pytest.approx(1.0)}
    machine = dict.fromkeys(("processor", "cores", "python", "date", "command"), "x")
    text = page({"machine": machine, "threads": 1, "records": records})
    assert text.index("`c`") < text.index("`b`") < text.index("## All")


@pytest.mark.backends("torch")
def test_the_command_gives_a_record_for_each_arm(backend, tmp_path):
    file = tmp_path / "result.json"
    command = [sys.executable, "-m", "benchmarks", "--framework", backend.name, "--loss", "torch.nn.L1Loss"]
    options = ["--size", "tiny", "--rounds", "1", "--budget", "0.1", "--json", str(file)]
    subprocess.run([*command, *options], cwd=ROOT, check=True, capture_output=True)
    document = json.loads(file.read_text(encoding="utf-8"))
    assert {"processor", "cores", "date", "command"} <= set(document["machine"])
    records = {record["arm"]: record for record in document["records"]}
    assert set(records) == {"native", "ours"}
    for record in records.values():
        assert record["status"] == "ok"
        assert record["shapes"][0] == [32, 10]
        assert record["median"] > 0 and record["copy"] > 0 and record["ratio"] > 0
