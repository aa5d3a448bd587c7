# The commands of the project. `make` alone lists them.

LOCK ?= requirements-dev.lock
# The first of these that runs: the shim of a version that isn't installed doesn't.
PYTHON ?= $(shell for name in python3.11 python3; do $$name -c "" 2>/dev/null && { echo $$name; break; }; done)
# What `make train` writes.
MODEL ?= star-1

VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed-from-$(notdir $(LOCK))
CODE := service training tests
PIP_COMPILE := $(BIN)/pip-compile --quiet --all-build-deps --allow-unsafe --generate-hashes --strip-extras \
	--no-emit-find-links --no-emit-index-url --no-emit-trusted-host

# Two processes whose numeric libraries take a thread for each core slow one another tenfold.
export OMP_NUM_THREADS := 1
export OPENBLAS_NUM_THREADS := 1
export MKL_NUM_THREADS := 1
# There may be nobody to answer.
export PIP_NO_INPUT := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup serve test test-browser test-long test-ray bench train lock fmt clean

help: ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: $(STAMP) ## Build .venv from a lock, by hash (LOCK=requirements.lock leaves the tools out)

$(STAMP): $(LOCK) pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' \
		|| { echo "Python 3.11 is needed; name it with PYTHON=..." >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --require-hashes -r $(LOCK)
	$(BIN)/python -m pip install --no-deps --no-build-isolation -e .
	@rm -f $(VENV)/installed-from-* && touch $@

serve: setup ## Serve the page and the HTTP interface on 127.0.0.1:8000
	$(BIN)/star-feedback serve

test: setup ## Lint, check types and labelled data, run every test
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy $(CODE)
	$(BIN)/python -m training check
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-browser: setup ## Test the page in a real Chromium, which must be there
	REQUIRE_BROWSER=1 $(BIN)/python -m pytest tests/browser

test-long: setup ## Kill, swap and damage hundreds of times, retrain the shipped model; takes hours
	KILL_ROUNDS=200 CONTENTION_STEPS=5000 SWAP_ROUNDS=20 DAMAGE_ROUNDS=1000 FULL_STORY=1 $(BIN)/python -m pytest \
		tests/batch tests/jobs tests/web tests/language tests/training/test_story.py

test-ray: setup ## Add the extra [ray] and test it on a real cluster of this machine
	$(BIN)/python -m pip install --require-hashes -r requirements-ray.lock
	REQUIRE_RAY=1 $(BIN)/python -m pytest tests/ray

bench: setup ## Measure answers a second, beside the bare spaCy pass, and training on 5,000 own clauses
	$(BIN)/python -m training.bench --batch 400 --own 5000

train: setup ## Compile the marked answers and fit models/star-1 (or MODEL=name)
	$(BIN)/python -m training compile
	$(BIN)/python -m training train training/data/train.jsonl training/data/development.jsonl --out models/$(MODEL)

lock: setup ## Compile the locks anew from pyproject.toml
	$(PIP_COMPILE) --output-file=requirements.lock pyproject.toml
	$(PIP_COMPILE) --constraint=requirements.lock --extra=dev --extra=train --extra=postgres \
		--output-file=requirements-dev.lock pyproject.toml
	$(PIP_COMPILE) --constraint=requirements-dev.lock --extra=ray --output-file=requirements-ray.lock pyproject.toml

fmt: setup ## Format the code, and mend what the linter can
	$(BIN)/ruff check --fix $(CODE)
	$(BIN)/ruff format $(CODE)

clean: ## Remove .venv, builds and every cache
	rm -rf $(VENV) build dist .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
