# The README's two commands, and shortcuts for those who develop.
PYTHON ?= python3.11
BIN = .venv/bin

conform:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -c constraints.txt -e '.[cli,autograd]' && $(BIN)/unified-loss conform

test:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -c constraints.txt -e '.[all,test]' && $(BIN)/pytest -n 2 --dist loadgroup --all-backends

lint:
	$(BIN)/ruff check . && $(BIN)/pytest -q tests/test_quality.py tests/test_package.py

bench:
	$(BIN)/python benchmarks/call_overhead.py && $(BIN)/python benchmarks/import_time.py

docs:
	$(PYTHON) -m venv .venv && $(BIN)/pip install -c constraints.txt -e '.[docs]' && NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

.PHONY: conform test lint bench docs
