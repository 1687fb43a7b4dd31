# Targets for people and for CI. Everything is installed into .venv, from locked versions with their hashes.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
export OMP_WAIT_POLICY := passive

.PHONY: demo test check format test-slow bench install dev clean

# Set up, then search a sample task with the bundled model.
demo: install
	$(BIN)/aide-local run sample_tasks/bike_demand --steps 10 --folds 3 --seed 1 --home demo-home --out demo-out
	@echo "See demo-out/report.md; ask questions: $(BIN)/aide-local --home demo-home sql \"FROM leaderboard\""

# Set up, then run all tests but the slow ones.
test: dev
	$(BIN)/python -m pytest

test-slow: dev
	$(BIN)/python -m pytest -m slow

check: dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

format: dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: dev
	$(BIN)/python -m benchmarks.overhead
	$(BIN)/python -m benchmarks.sandbox
	$(BIN)/python -m benchmarks.llm
	$(BIN)/python -m benchmarks.store
	$(BIN)/python -m benchmarks.tui

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
