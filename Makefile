# Each target sets up what it needs: a virtual environment from the lock file, made once.
PYTHON ?= python3.11
VENV := .venv
SETUP := $(VENV)/lock-installed
CLOTHES := /usr/share/datasets/fashion-mnist

.PHONY: demo test

demo: $(SETUP)
	$(VENV)/bin/snakemake table1 --logger progress
	$(VENV)/bin/snakemake all --logger progress --config partial=true
	@echo "A first page, while the rest is trained: $(CURDIR)/results/demo/partial/paper.html"
	$(VENV)/bin/snakemake all --logger progress
	@echo "The page: $(CURDIR)/results/demo/paper.html"

test: $(SETUP) $(CLOTHES)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/snakefmt --check Snakefile workflow/rules
	$(VENV)/bin/snakemake --lint
	$(VENV)/bin/pytest

$(CLOTHES):
	@if [ "$$(id -u)" = 0 ]; then apt-get update && apt-get install -y dataset-fashion-mnist; \
	else echo "some tests need real images: apt-get install dataset-fashion-mnist"; fi

$(SETUP): envs/requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --requirement envs/requirements.lock
	$(VENV)/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@
