# `make demo` and `make test` need Python 3.11 or newer and make; they set up everything else themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt
# Small models compute faster with one thread per process than with threads that wait for each other.
export OMP_NUM_THREADS ?= 2

.PHONY: demo test lint types floors unit docs generated benchmarks clean

demo: $(VENV)/installed ## The whole story on the bundled model, offline
	$(BIN)/isogloss demo --out demo

test: lint types floors unit ## Everything that must hold: what CI runs

lint: $(VENV)/installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/installed-dev
	$(BIN)/mypy

floors: $(VENV)/installed-dev
	$(BIN)/lint-imports

unit: $(VENV)/installed-dev
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2

generated: $(VENV)/installed-dev ## Write the generated pages again: CLI reference, README tables
	$(BIN)/python tools/generate_pages.py

docs: $(VENV)/installed-dev ## Build the documentation site into site/
	$(INSTALL) -e '.[docs]'
	$(BIN)/mkdocs build --strict

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Isogloss needs Python 3.11 or newer; set PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(INSTALL) -e .
	touch $@

$(VENV)/installed-dev: $(VENV)/installed
	$(INSTALL) -e '.[dev]'
	touch $@

clean:
	rm -rf $(VENV) demo site .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
