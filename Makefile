# Everything a checkout can do. Each target sets up what it needs; `make PYTHON=/path/to/python3.12 ...` picks the Python.

VENV   ?= .venv
JOBS   ?= $(shell n=$$(nproc 2>/dev/null || echo 1); [ $$n -gt 4 ] && n=4; echo $$n)
PYTHON ?=
VIDEOS ?=
DATA   ?=
ONLY   ?=
BENCH  ?= results/bench
DEMO   ?= demo

PY    := $(VENV)/bin/python
STAMP := $(VENV)/.installed

.PHONY: help setup demo test lint types bench clean
.DEFAULT_GOAL := help

help:
	@echo 'make setup               virtual environment in $(VENV), from the hashed lock'
	@echo 'make demo                videos -> shards -> the model of the package, before and after training on them -> HTML report, in $(DEMO)/'
	@echo 'make demo VIDEOS=DIR     the same on your own video files'
	@echo 'make demo FROM_SCRATCH=1 a small model trained from nothing instead'
	@echo 'make test                all tests (PYTEST="-k psnr" passes options on)'
	@echo 'make lint, make types    ruff, mypy'
	@echo 'make bench               every benchmark against its peers -> $(BENCH)/; DATA=DIR, VIDEOS=DIR, ONLY="metrics codecs"'
	@echo 'make clean               removes caches and build output, keeps $(VENV) and $(DEMO)/'

setup: $(STAMP)

# The stamp comes last, so an interrupted set-up starts over.
$(STAMP): requirements.lock pyproject.toml .ci/make_venv.py
	@python=$$(PYTHON='$(PYTHON)' .ci/find_python) && echo "setup: $(VENV) from $$python" && "$$python" .ci/make_venv.py $(VENV)
	$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: $(STAMP)
	$(PY) -m experiments.demo --out '$(DEMO)' $(if $(VIDEOS),--videos '$(VIDEOS)') $(if $(FROM_SCRATCH),--from-scratch)

test: $(STAMP)
	JAX_PLATFORMS=cpu $(PY) -m pytest -n $(JOBS) --dist loadfile $(PYTEST)

lint: $(STAMP)
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .

types: $(STAMP)
	$(PY) -m mypy

bench: $(STAMP)
	$(PY) -m benchmarks --out '$(BENCH)' $(if $(DATA),--data '$(DATA)') $(if $(VIDEOS),--videos '$(VIDEOS)') $(if $(ONLY),--only $(ONLY))

clean:
	rm -rf build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find vqvae_jax data_prep experiments benchmarks tests -name __pycache__ -prune -exec rm -rf {} +
