# Three verbs do everything, the same on a laptop and in CI: check, test, bench. And demo, to look.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
BENCH_OUT ?= benchmarks/results

.PHONY: demo docs release-check check test explore bench format clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable '.[all]'
	touch $@

demo: $(READY)
	$(BIN)/python examples/demo.py out

check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(READY)
	$(BIN)/pytest $(PYTEST)

explore: $(READY)
	HYPOTHESIS_PROFILE=explore $(BIN)/pytest $(PYTEST)

bench: $(READY)
	$(BIN)/python -m benchmarks --out $(BENCH_OUT)

docs: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group docs
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build

release-check: $(READY)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group release
	$(BIN)/python .ci/release.py

format: $(READY)
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean:
	rm -rf $(VENV) out site dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
