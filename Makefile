# Everything runs in virtual environments of the project's own; the system's Python is left alone. What is installed is
# locked, with hashes, in requirements/: a machine that is new tomorrow gets what this one has today.
PYTHON ?= $(firstword $(foreach p,python3.13 python3.12 python3.11 python3,$(if $(shell $(p) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo ok),$(p))))
VENV ?= .venv
BIN := $(VENV)/bin
INSTALL = python -m pip install --quiet --disable-pip-version-check
LOCKED = $(INSTALL) --require-hashes --requirement
ITSELF = $(INSTALL) --no-deps --no-build-isolation --editable .
PARALLEL = pytest -n auto --dist worksteal

.PHONY: demo test soak bench format clean lock upgrade test-latest test-lowest test-pythons

demo: $(VENV)/.runtime
	$(BIN)/lfsync -C examples/quickstart sandbox reset
	$(BIN)/lfsync -C examples/quickstart plan
	$(BIN)/lfsync -C examples/quickstart apply --yes
	$(BIN)/lfsync -C examples/quickstart plan --detailed-exitcode

test: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/$(PARALLEL)

# The full form of the tests that try to break it: takes more than an hour, and ends with the tables that
# docs/reliability.md quotes. What measures runs alone.
MEASURES = tests/soak/test_pace.py tests/uploads/test_memory.py
soak: export LFSYNC_SOAK = full
soak: $(VENV)/.dev
	$(BIN)/pytest --timeout 3600 $(MEASURES)
	$(BIN)/$(PARALLEL) --timeout 3600 $(addprefix --ignore=,$(MEASURES)) $(addprefix tests/,soak laws uploads adversary importing)

bench: $(VENV)/.bench
	$(BIN)/python -m benchmarks

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf .venv .venv-* .mypy_cache .ruff_cache .hypothesis .import_linter_cache examples/*/.lfsync

# ---------------------------------------------------------------- other versions

# The newest of everything that pyproject.toml allows, as somebody who installs the package today gets it.
test-latest: .venv-latest/bin/python
	.venv-latest/bin/$(INSTALL) --upgrade --upgrade-strategy eager --editable '.[dev]'
	.venv-latest/bin/$(PARALLEL)

# The oldest of everything that pyproject.toml names, on the oldest Python.
test-lowest: .venv-lowest/.lowest
	.venv-lowest/bin/$(PARALLEL)

.venv-lowest/bin/python: PYTHON = $(firstword $(PYTHONS))
.venv-lowest/.lowest: .venv-lowest/bin/python requirements/lowest.txt pyproject.toml
	.venv-lowest/bin/$(LOCKED) requirements/lowest.txt
	.venv-lowest/bin/$(ITSELF)
	@touch $@

# The tests that tell one Python from another, on each that is here and that `make test` did not use.
PYTHONS = $(foreach v,3.11 3.12 3.13,$(firstword $(foreach p,python$(v) $(wildcard $(HOME)/.pyenv/versions/$(v).*/bin/python$(v)),$(if $(shell $(p) -c '' 2>/dev/null && echo ok),$(p)))))
ROOMS = client config core values render sandbox cases e2e
test-pythons:
	@set -e; version='import sys; print("%d.%d" % sys.version_info[:2])'; \
	for python in $(PYTHONS); do \
	    venv=.venv-$$($$python -c "$$version"); \
	    if [ "$$venv" = ".venv-$$($(BIN)/python -c "$$version" 2>/dev/null)" ]; then continue; fi; \
	    echo "== $$python"; \
	    $(MAKE) --no-print-directory VENV=$$venv PYTHON=$$python $$venv/.dev; \
	    $$venv/bin/$(PARALLEL) $(addprefix tests/,$(ROOMS)); \
	done

# ---------------------------------------------------------------- the lock files

# After a change of pyproject.toml: what is locked stays where it still fits. `upgrade`: the newest of everything.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --custom-compile-command 'make lock' $(UPGRADE)
lock: $(VENV)/.lock
	$(COMPILE) pyproject.toml requirements/build.in --all-extras --output-file requirements/bench.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra dev --constraint requirements/bench.txt --output-file requirements/dev.txt
	$(COMPILE) pyproject.toml requirements/build.in --constraint requirements/dev.txt --output-file requirements/runtime.txt
	$(COMPILE) pyproject.toml requirements/build.in --extra dev --resolution lowest-direct --output-file requirements/lowest.txt
	$(COMPILE) requirements/lock.in --output-file requirements/lock.txt

upgrade:
	$(MAKE) lock UPGRADE=--upgrade

# ---------------------------------------------------------------- virtual environments

%/bin/python:
	@test -n "$(PYTHON)" || { echo "lfsync needs Python 3.11 or newer; set PYTHON=/path/to/python3.11"; exit 1; }
	$(PYTHON) -m venv $*

$(VENV)/.runtime: $(BIN)/python requirements/runtime.txt pyproject.toml
	$(BIN)/$(LOCKED) requirements/runtime.txt
	$(BIN)/$(ITSELF)
	@touch $@

$(VENV)/.dev: $(BIN)/python requirements/dev.txt pyproject.toml
	$(BIN)/$(LOCKED) requirements/dev.txt
	$(BIN)/$(ITSELF)
	@touch $@ $(VENV)/.runtime

$(VENV)/.bench: $(VENV)/.dev requirements/bench.txt
	$(BIN)/$(LOCKED) requirements/bench.txt
	@touch $@

$(VENV)/.lock: $(BIN)/python requirements/lock.txt
	$(BIN)/$(LOCKED) requirements/lock.txt
	@touch $@
