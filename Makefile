# Two commands on a fresh machine: `make run` and `make test`. Both set up all they need.

PYTHON ?= python3
VENV ?= .venv
# Virtual environments have another layout on Windows.
BIN := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
READY := $(VENV)/.ready
TEST_READY := $(VENV)/.ready-test

.DEFAULT_GOAL := help

.PHONY: help run test check bench screenshot format types lint imports weights system system-test clean

DATA ?= $(or $(EMOLIVE_DATA),../shared/data)

help: ## list what there is to make
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: system $(READY) ## set up what is missing, then open the app
	$(BIN)/emolive run $(ARGS)

test: system-test $(TEST_READY) ## set up what is missing, then run every test
	QT_QPA_PLATFORM=$${QT_QPA_PLATFORM:-offscreen} $(BIN)/python -m pytest $(ARGS)

check: system-test $(TEST_READY) lint types imports test ## lint, types, import contracts and tests

bench: $(TEST_READY) ## measure everything, into docs/bench.md and docs/bench.json
	$(BIN)/emolive bench --json docs/bench.json --markdown $(ARGS) > docs/.bench.md
	mv docs/.bench.md docs/bench.md

screenshot: $(TEST_READY) ## render the window on the drawn demo, into docs/images/window.png
	$(BIN)/python tools/screenshot.py

lint: $(TEST_READY) ## ruff: rules and format
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(TEST_READY) ## mypy, strict
	$(BIN)/mypy

imports: $(TEST_READY) ## import-linter: arrows point one way
	$(BIN)/lint-imports

format: $(TEST_READY) ## bring the code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

weights: $(TEST_READY) ## train the shipped models from DATA=folder, an hour on one core
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

$(TEST_READY): pyproject.toml | $(VENV)/pyvenv.cfg
	$(BIN)/python -m pip install --quiet --editable '.[dev]'
	@touch $@ $(READY)

clean: ## remove the virtual environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build *.egg-info
