# Targets for people and for CI. Everything is installed into .venv, from locked versions with their hashes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests side by side, those of one file in one process: they share its fixtures.
PARALLEL ?= -n logical --maxprocesses 8 --dist loadfile
LOCK := --universal --generate-hashes --no-header --python-version 3.11 --quiet
export OMP_WAIT_POLICY := passive

.PHONY: demo check lint test test-slow format bench docs lock install dev clean

# Set up, then search a sample task with the bundled model.
demo: install
	$(BIN)/aide-local run sample_tasks/bike_demand --steps 10 --folds 3 --seed 1 --home demo-home --out demo-out
	@echo "See demo-out/report.md; ask questions: $(BIN)/aide-local --home demo-home sql \"FROM leaderboard\""

# The gate: all that a change must pass, the quickest first. CI runs this.
check: lint test

# Set up, then look at the code and the documents without running them.
lint: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m docs.check
	$(BIN)/mypy

# Set up, then run all tests but the slow ones.
test: dev
	$(BIN)/python -m pytest $(PARALLEL)

# The slow ones: long, or of many repetitions.
test-slow: dev
	$(BIN)/python -m pytest -m slow $(PARALLEL)

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# After modules were added or moved.
docs: dev
	$(BIN)/python -m docs.draw

bench: dev
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.sandbox
	$(BIN)/python -m benchmarks.llm
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.tui

# After a change of dependencies in pyproject.toml: the locked versions stay, what is new is added. It needs a network.
lock: dev
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml $(LOCK) -o requirements/runtime.lock
	$(BIN)/uv pip compile pyproject.toml --group dev $(LOCK) -o requirements/dev.lock

install: $(VENV)/installed
dev: $(VENV)/installed-dev

$(VENV)/installed: requirements/runtime.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; set PYTHON=...")'
	$(PYTHON) -m venv $(VENV)
	@echo "Installing; llama.cpp is compiled, which takes some minutes."
	$(BIN)/pip install --quiet --require-hashes -r requirements/runtime.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	touch $@

$(VENV)/installed-dev: requirements/dev.lock $(VENV)/installed
	$(BIN)/pip install --quiet --require-hashes -r requirements/dev.lock
	touch $@

clean:
	rm -rf $(VENV) demo-home demo-out build dist
