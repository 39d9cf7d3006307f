# `make run` and `make test` work on a fresh machine: both install their requirements.

PYTHON ?= python3
VENV ?= .venv
# The layout of virtual environments differs on Windows.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready
TRAIN_READY := $(VENV)/.ready-train
TEST_READY := $(VENV)/.ready-test

.DEFAULT_GOAL := help

.PHONY: help run train-ready test check bench screenshot format types lint imports weights system system-test clean

DATA ?= $(or $(EMOLIVE_DATA),../shared/data)

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: system $(READY) ## install the requirements and open the app
	$(BIN)/emolive run $(ARGS)

train-ready: $(TRAIN_READY) ## install what emolive-preprocess, -train and -evaluate need

test: system-test $(TEST_READY) ## install the requirements and run all tests
	QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -m pytest $(ARGS)

check: system-test $(TEST_READY) lint types imports test ## run lint, types, import contracts and tests

bench: $(TEST_READY) ## run all benchmarks and write docs/bench.md and docs/bench.json
	$(BIN)/emolive bench --json docs/bench.json --markdown $(ARGS) > docs/.bench.md
	mv docs/.bench.md docs/bench.md

screenshot: $(TEST_READY) ## render the window with the drawn demo to docs/images/window.png
	$(BIN)/python tools/screenshot.py

lint: $(TEST_READY) ## check rules and format with ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_READY) ## check types with mypy --strict
	$(BIN)/mypy

imports: $(TEST_READY) ## check the import contracts with import-linter
	$(BIN)/lint-imports

format: $(TEST_READY) ## fix and format the code with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

weights: $(TEST_READY) ## train the shipped models on DATA=folder (an hour on one core)
	PATH="$(abspath $(BIN)):$$PATH" sh tools/make_weights.sh $(DATA) $(ARGS)

system:
	@sh tools/system_packages.sh run

system-test:
	@sh tools/system_packages.sh test

$(VENV)/pyvenv.cfg:
	$(PYTHON) -m venv $(VENV)

$(READY): pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --editable '.[onnx]'
	@touch $@

$(TRAIN_READY): pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --editable '.[onnx,train]'
	@touch $@ $(READY)

$(TEST_READY): pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(READY) $(TRAIN_READY)

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
