# Each target sets up what it needs: a virtual environment from the lock file, made once.
PYTHON ?= python3.11
VENV := .venv
SETUP := $(VENV)/lock-installed

.PHONY: demo test

demo: $(SETUP)
	$(VENV)/bin/snakemake all --logger progress
	@echo "The page: $(CURDIR)/results/demo/paper.html"

test: $(SETUP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/snakefmt --check Snakefile workflow/rules
	$(VENV)/bin/snakemake --lint
	$(VENV)/bin/pytest

$(SETUP): envs/requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --requirement envs/requirements.lock
	$(VENV)/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
