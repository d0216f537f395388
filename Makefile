# Three verbs do everything, the same on a laptop and in CI: check, test, bench. And demo, to look.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
DEMO := $(VENV)/.demo
READY := $(VENV)/.ready
OLDEST := .venv-oldest
NAPARI := .venv-napari
BENCH_OUT ?= benchmarks/results

.PHONY: demo docs release-check check test test-napari test-oldest explore bench format clean

# What the demo and the annotator need; the rest is added to the same environment.
$(DEMO): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(BIN)/python -m pip install --quiet --constraint constraints.txt torch
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[annotator,network,plots]'
	touch $@

$(READY): $(DEMO)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --group dev --editable '.[all]'
	touch $@

demo: $(DEMO)
	$(BIN)/python examples/demo.py out

check: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports

test: $(READY)
	$(BIN)/pytest $(PYTEST)

# The lower bounds of pyproject.toml, with the oldest Python.
$(OLDEST)/.ready: pyproject.toml constraints-oldest.txt
	$(PYTHON) -m venv $(OLDEST)
	$(OLDEST)/bin/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(OLDEST)/bin/python -m pip install --quiet --constraint constraints-oldest.txt torch
	$(OLDEST)/bin/python -m pip install --quiet --constraint constraints-oldest.txt \
	  --group test --editable '.[annotator,backbones,evaluation,network,plots,tracking,video]'
	touch $@

test-oldest: $(OLDEST)/.ready
	$(OLDEST)/bin/pytest -m 'not slow' $(PYTEST)

# napari and Qt, with what the tests of the plugin need; no screen.
$(NAPARI)/.ready: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(NAPARI)
	$(NAPARI)/bin/python -m pip install --quiet --upgrade --constraint constraints.txt pip
	$(NAPARI)/bin/python -m pip install --quiet --constraint constraints.txt torch
	$(NAPARI)/bin/python -m pip install --quiet --constraint constraints.txt --group napari --editable '.[napari,tracking]'
	touch $@

test-napari: $(NAPARI)/.ready
	OMP_NUM_THREADS=1 QT_QPA_PLATFORM=offscreen $(NAPARI)/bin/pytest tests/napari_plugin $(PYTEST)

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
	rm -rf $(VENV) $(OLDEST) $(NAPARI) out site dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
