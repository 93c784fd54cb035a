"""The package as such: what importing it costs, its layers, its public names, its wheel."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import unified_loss as ul
from unified_loss.spec import Spec

ROOT = Path(__file__).resolve().parents[1]
FRAMEWORKS = {"torch", "tensorflow", "keras", "paddle", "mindspore", "mxnet", "jax", "jaxlib", "optax"}
TREE = {
    "unified_loss": ROOT / "unified_loss",
    "unified_loss.backends": ROOT / "backends",
    "unified_loss.conformance": ROOT / "conformance",
}


def sources():
    """(module name, file) of every module, under the name it is installed by."""
    for package, folder in TREE.items():
        for file in sorted(folder.rglob("*.py")):
            parts = file.relative_to(folder).with_suffix("").parts
            yield ".".join((package, *(p for p in parts if p != "__init__"))), file


def test_importing_it_imports_no_framework_and_not_even_the_command_line():
    program = "import sys, unified_loss; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "unified_loss" in loaded
    assert not loaded & (FRAMEWORKS | {"autograd", "scipy", "rich", "typer", "click", "pytest", "hypothesis"})


# What each layer may import of this package; a prefix stands for all below it.
LAYERS = {
    "errors": set(),
    "ops": set(),
    "annotations": set(),
    "layout": {"ops"},
    "candidates": set(),
    "spec": {"annotations", "layout"},
    "losses": {"errors", "ops", "layout", "spec"},
    "reduction": {"ops", "errors"},
    "weighting": {"ops", "errors"},
    "registry": {"errors", "backends.base"},
    "availability": {"registry"},
    "third_party": {"errors", "ops", "registry", "backends.base"},
    "loading": {"availability", "errors", "registry", "third_party", "backends.base"},
    "config": {"errors", "registry"},
    "dispatch": {"config", "errors", "loading", "registry", "backends.base", "backends.numpy"},
    "plan": {
        "annotations",
        "candidates",
        "dispatch",
        "errors",
        "layout",
        "loading",
        "losses",
        "ops",
        "reduction",
        "spec",
        "weighting",
    },
    "arrangement": {"errors", "layout", "ops", "plan", "backends.base"},
    "preparation": {"arrangement", "errors", "layout", "ops", "spec", "backends.base"},
    "tape": {"errors", "ops", "backends.base"},
    "derivatives": {"errors", "ops", "tape"},
    "blocks": {
        "arrangement",
        "derivatives",
        "errors",
        "finishing",
        "ops",
        "plan",
        "reduction",
        "spec",
        "tape",
        "backends.base",
    },
    "finishing": {"arrangement", "errors", "ops", "plan", "reduction", "spec", "backends.base"},
    "evaluation": {
        "arrangement",
        "blocks",
        "dispatch",
        "finishing",
        "loading",
        "ops",
        "plan",
        "spec",
        "backends.base",
    },
    "binding": {
        "arrangement",
        "errors",
        "evaluation",
        "layout",
        "ops",
        "plan",
        "preparation",
        "spec",
        "backends.base",
    },
    "loss": {
        "arrangement",
        "binding",
        "dispatch",
        "errors",
        "loading",
        "plan",
        "reduction",
        "spec",
        "backends.base",
    },
    "gradients": {"dispatch"},
    "modules": {
        "binding",
        "compilation",
        "dialects.functions",
        "dialects.stateful",
        "dispatch",
        "errors",
        "loading",
        "loss",
        "spec",
    },
    "compilation": {"annotations", "dispatch", "errors", "loading", "loss", "backends.base"},
    "dialects": {
        "annotations",
        "candidates",
        "dialects",
        "dispatch",
        "errors",
        "layout",
        "loss",
        "losses",
        "plan",
        "reduction",
        "spec",
        "weighting",
    },
    "naming": {"losses", "dialects", "errors", "loss", "plan", "registry", "spec"},
    "differences": {"layout", "plan"},
    "description": {"differences", "dialects", "naming", "plan", "spec"},
    "show": {"conformance", "description"},
    "porting": {
        "annotations",
        "conformance",
        "description",
        "differences",
        "dialects",
        "dispatch",
        "errors",
        "layout",
        "loading",
        "loss",
        "losses",
        "naming",
        "ops",
        "outputs",
        "plan",
        "reduction",
        "registry",
        "spec",
        "weighting",
        "gradients",
        "reports",
    },
    "outputs": {"errors"},
    "reports": {"conformance", "errors", "outputs"},
    "backends": {"ops", "errors", "backends"},
    "conformance": {""},
    "cli": {""},
    "__main__": {""},
    "": {""},
}


def imports_of(module, file):
    """The absolute names of what a module imports from this package."""
    package = module if file.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, base]) if base else ".".join(parts)
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if any(name == full for name, _ in sources()) else base


@pytest.mark.parametrize(("module", "file"), list(sources()), ids=lambda value: getattr(value, "name", value))
def test_layers(module, file):
    own = module.removeprefix("unified_loss").removeprefix(".")
    layer = own.partition(".")[0]
    allowed = LAYERS[layer]
    for name in imports_of(module, file):
        if not name.startswith("unified_loss"):
            continue
        imported = name.removeprefix("unified_loss").removeprefix(".")
        if imported.startswith(f"{layer}.") or imported == layer:
            continue
        assert any(imported == a or imported.startswith(f"{a}.") or a == "" for a in allowed), (
            f"{module} imports {name}, but {layer} may only import {sorted(allowed)}"
        )


@pytest.mark.parametrize(("module", "file"), list(sources()), ids=lambda value: getattr(value, "name", value))
def test_only_a_backend_imports_a_framework(module, file):
    own = module.rpartition(".")[2]
    # _torch_blocks belongs to the backend torch, and is imported by it.
    own = own.split("_")[1] if own.startswith("_") else own
    imported = {name.partition(".")[0] for name in imports_of(module, file)}
    if module.startswith("unified_loss.backends.") and own in FRAMEWORKS:
        assert imported & FRAMEWORKS <= {own}
    elif module != "unified_loss.conformance.live":
        assert not imported & FRAMEWORKS


PUBLIC = {
    "BackendError", "BroadcastWarning", "Compiled", "ConfigError", "DtypeError", "LabelError", "Loss",
    "MixedTensorsError", "Plan", "RangeError", "ShapeError", "UnifiedLossError",
    "UnsupportedOperation", "as_module", "asarray", "backends", "compile", "convert", "explain_diff",
    "explain_selection", "from_config", "get_backend", "import_backends", "losses", "port",
    "resolve", "set_backend", "to_numpy", "use_backend",
    "value_and_grad",
}  # fmt: skip


def test_the_public_names_are_those_promised():
    assert set(ul.__all__) == PUBLIC
    assert all(hasattr(ul, name) for name in PUBLIC)
    assert set(ul.losses.__all__) == set(Spec.registry)
    for name in ul.losses.__all__:
        loss = getattr(ul.losses, name)
        assert loss.name == name and callable(loss.formula)


def test_backends_is_a_function_and_a_package_whatever_was_imported():
    importlib.import_module("unified_loss.backends.numpy")
    assert ul.backends.numpy.NumpyBackend.name == "numpy"
    assert next(info.name for info in ul.backends()) == "numpy"


def test_all_says_what_each_dialect_module_defines():
    package = importlib.import_module("unified_loss.dialects")
    for info in pkgutil.walk_packages(package.__path__, "unified_loss.dialects."):
        module = importlib.import_module(info.name)
        if not hasattr(module, "__all__"):
            continue
        assert list(module.__all__) == sorted(set(module.__all__)), info.name
        defined = {
            name
            for name, value in vars(module).items()
            if isinstance(value, type) and value.__module__ == info.name and not name.startswith("_")
        }
        assert defined <= set(module.__all__), info.name


SECTIONS = ("Parameters", "Returns", "Raises", "Notes", "Examples", "References")


@pytest.mark.parametrize("name", ul.losses.__all__)
def test_each_loss_documents_formula_arguments_edges_and_source(name):
    loss = getattr(ul.losses, name)
    text = loss.__doc__
    places = [text.index(f"    {section}\n    {'-' * len(section)}\n") for section in SECTIONS]
    assert places == sorted(places)
    assert ".. math::" in text[: places[0]]
    parameters = text[places[0] : places[1]]
    for argument in (*loss.inputs, *(p.name for p in loss.parameters)):
        assert argument in parameters, argument
    assert ">>>" in text[places[4] : places[5]]


def test_the_wheel_holds_the_tree(tmp_path):
    # A copy, so that an earlier build folder cannot hand over files that are gone.
    tree = tmp_path / "tree"
    tree.mkdir()
    for name in ("unified_loss", "backends", "conformance"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation"]
    done = subprocess.run([*build, "--outdir", str(tmp_path), str(tree)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        held = {name for name in wheel.namelist() if not name.partition("/")[0].endswith(".dist-info")}
    expected = set()
    shipped = (".py", ".json", ".jsonl", ".typed", ".html", ".css", ".js")
    for package, folder in TREE.items():
        for file in folder.rglob("*"):
            if file.suffix in shipped and "__pycache__" not in file.parts:
                expected.add("/".join((*package.split("."), *file.relative_to(folder).parts)))
    assert held == expected
