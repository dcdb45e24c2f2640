# Each target sets up what it needs: a virtual environment from the lock file, made once.
PYTHON ?= python3.11
VENV := .venv
SETUP := $(VENV)/lock-installed
# The validator of RO-Crates, in an environment of its own: it needs an older rich than we have.
VALIDATOR := $(VENV)/validator/lock-installed
# Debian packages for `make test-all`: real images, a real SLURM, a browser, and other processors.
PACKAGES := dataset-fashion-mnist slurmctld slurmd slurm-client munge slurmdbd mariadb-server chromium qemu-user valgrind
# How many tests run at a time. On two cores three are faster than two: one of them often waits, such as for SLURM.
WORKERS ?= 3
# make demo CORES=4: the number of runs at a time, if not as many as there are cores.
SNAKEMAKE := $(VENV)/bin/snakemake $(if $(CORES),--cores $(CORES))
PYTEST := $(VENV)/bin/pytest -n $(WORKERS) --durations=10

# Its programs name the place where it was made.
MADE_IN := $(file < $(SETUP))
ifeq ($(shell test -d "$(or $(MADE_IN),.)" || echo moved),moved)
$(error $(VENV) was made in $(MADE_IN), from where this clone was moved: remove $(VENV), and call make again)
endif

# A profile of Snakemake that holds for all of somebody's commands has no part in these.
unexport SNAKEMAKE_PROFILE

.PHONY: demo lint check test test-all packages

# First what is quick, for a first page; the training runs of Table 1 take longest.
demo: $(SETUP)
	$(SNAKEMAKE) fig2 fig3 fig5
	$(SNAKEMAKE) all --config partial=true
	@echo "A first page, while the rest is trained: $(CURDIR)/results/demo/partial/paper.html"
	$(SNAKEMAKE) all
	@echo "The page: $(CURDIR)/results/demo/paper.html"
	@echo "The digest of all results, the same on other processors, and what was published:"
	$(VENV)/bin/spl digest --against config/demo.sha256

lint: $(SETUP)
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/snakefmt --check Snakefile workflow/Snakefile workflow/rules
	$(VENV)/bin/snakemake --lint

# Minutes, while you work: style, types, fast unit tests, and the tiny study from data to page.
check: lint
	$(PYTEST) -m "(unit and not slow and not extra) or smoke"

# The same, slower unit tests, and the workflow's. No root, no packages beyond the environment.
test: lint
	$(PYTEST) -m "not extra"

# Those, and the tests that need root and Debian packages: SLURM, browser, emulated processors, validator, benchmarks.
test-all: lint packages $(VALIDATOR)
	$(PYTEST)

packages:
	@dpkg --status $(PACKAGES) > /dev/null 2>&1 || if [ "$$(id -u)" = 0 ]; \
	then apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends $(PACKAGES); \
	else echo "make test-all needs root, or: apt-get install $(PACKAGES)"; exit 1; fi

$(SETUP): envs/requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --disable-pip-version-check --requirement envs/requirements.lock
	$(VENV)/bin/python -m pip install --disable-pip-version-check --no-deps --no-build-isolation --editable .
	echo "$(CURDIR)" > $@

$(VALIDATOR): envs/validator.lock | $(SETUP)
	$(PYTHON) -m venv $(VENV)/validator
	$(VENV)/validator/bin/python -m pip install --disable-pip-version-check --requirement envs/validator.lock
	touch $@
