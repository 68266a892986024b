# Everything runs in a virtual environment of the project's own; the system's Python is left alone.
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(if $(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo ok),$(p))))
BIN := .venv/bin

.PHONY: demo test soak bench format clean

demo: .venv/.runtime
	$(BIN)/lfsync -C examples/quickstart sandbox reset
	$(BIN)/lfsync -C examples/quickstart plan
	$(BIN)/lfsync -C examples/quickstart apply --yes
	$(BIN)/lfsync -C examples/quickstart plan --detailed-exitcode

test: .venv/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/pytest -n auto

# The full form of the tests that try to break it: takes a while, and ends with the table that README.md quotes.
soak: .venv/.dev
	LFSYNC_SOAK=full $(BIN)/pytest tests/soak tests/laws
	LFSYNC_SOAK=full $(BIN)/pytest -n auto tests/adversary

bench: .venv/.bench
	$(BIN)/python -m benchmarks

format: .venv/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis examples/*/.lfsync

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "lfsync needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv .venv

.venv/.runtime: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

.venv/.dev: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@ .venv/.runtime

.venv/.bench: .venv/.dev pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	@touch $@
