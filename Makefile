# Every command a developer types. `make demo` and `make test` need only Python >= 3.11 and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
TEST_STAMP := $(VENV)/.test-installed
RUN_STAMP  := $(VENV)/.run-installed

.PHONY: help install demo run test test-fast lint bench fuzz messages lock clean

help:
	@echo "make demo       start everything embedded with the demo federation and its logs"
	@echo "make run        start everything embedded on ./data"
	@echo "make test       the whole suite; what needs an absent component is skipped with the reason"
	@echo "make test-fast  the inner loop, under two minutes"
	@echo "make lint       ruff, mypy and the import law"
	@echo "make bench      the benchmarks; make fuzz: the long property tests"

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Samdrift needs Python 3.11 or newer; set PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv $(VENV)

$(RUN_STAMP): $(BIN)/python requirements/run.txt requirements/scale.txt pyproject.toml $(wildcard src/samdrift/locale/*/LC_MESSAGES/django.po)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/run.txt -r requirements/scale.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	$(BIN)/python tools/messages.py compile
	@touch $@

$(TEST_STAMP): $(RUN_STAMP) requirements/test.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/test.txt
	@touch $@

install: $(RUN_STAMP)

demo: $(RUN_STAMP)
	$(BIN)/samdrift demo

run: $(RUN_STAMP)
	$(BIN)/samdrift up

test: $(TEST_STAMP)
	$(BIN)/python -m pytest -n auto --dist loadgroup -q

test-fast: $(TEST_STAMP)
	$(BIN)/python -m pytest -n auto -q -m "not slow and not browser and not realdata"

lint: $(TEST_STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(TEST_STAMP)
	$(BIN)/python bench/pipeline.py

fuzz: $(TEST_STAMP)
	HYPOTHESIS_PROFILE=fuzz $(BIN)/python -m pytest -m fuzz

messages: $(TEST_STAMP)
	$(BIN)/python tools/messages.py extract
	$(BIN)/python tools/messages.py compile

lock:
	tools/lock.sh

clean:
	rm -rf $(VENV) build .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
