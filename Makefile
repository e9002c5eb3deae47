# Two commands matter: `make demo` and `make test`. Both set up what they need.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/installed

.PHONY: demo test check lint types imports docs clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    install, then a sample conversation in each language with its trace"
	@echo "make test    install, then lint, types, import contracts and the quick tests"
	@echo "make check   everything, slow tests and coverage included"

$(STAMP): pyproject.toml constraints.txt
	@echo "Setting up $(VENV) (the first time this downloads about 400 MB)"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	  || { echo "Python 3.11 or newer is needed; set PYTHON=python3.12, for example"; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --disable-pip-version-check --progress-bar on -c constraints.txt -e '.[cpu,dev]'
	@touch $(STAMP)

demo: $(STAMP)
	@$(BIN)/onscript demo

test: $(STAMP) lint types imports
	@$(BIN)/pytest -m "not slow"

check: $(STAMP) lint types imports
	@$(BIN)/pytest --cov --cov-report=term:skip-covered

lint: $(STAMP)
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check

types: $(STAMP)
	@$(BIN)/mypy

imports: $(STAMP)
	@$(BIN)/lint-imports

clean:
	rm -rf $(VENV) .demo .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
