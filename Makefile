.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
CALLS ?=
MAPPING ?=
DATABASE ?=
PROCESSES ?=
SEEDS ?= 1000
ARGS ?=

.PHONY: help
help: ## Show what there is to do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*##/\t/' | expand -t 10

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

.PHONY: setup
setup: $(READY) ## Make the virtual environment with the pinned packages

.PHONY: run
run: $(READY) ## The demo: calls in, webhooks out, counted by the receiver (CALLS=file MAPPING=file DATABASE=url PROCESSES=4)
	$(BIN)/offhook demo $(if $(CALLS),--calls $(CALLS)) $(if $(MAPPING),--mapping $(MAPPING)) \
		$(if $(DATABASE),--database '$(DATABASE)') $(if $(PROCESSES),--processes $(PROCESSES)) $(ARGS)

.PHONY: serve
serve: $(READY) ## A server on ./offhook-data
	$(BIN)/offhook serve $(ARGS)

.PHONY: test
test: $(READY) ## All tests
	$(BIN)/pytest -n auto --dist worksteal $(ARGS)

.PHONY: faults
faults: $(READY) ## The fault suite, five times at other moments, and a report of a minute
	OFFHOOK_FAULT_SEEDS=5 OFFHOOK_FAULT_REPORT_S=60 $(BIN)/pytest -n 2 --dist worksteal tests/faults $(ARGS)

.PHONY: simulate
simulate: $(READY) ## Lives of the engine in virtual time, on all cores (SEEDS=20000)
	$(BIN)/python -m offhook.testing.simulated --seeds $(SEEDS) $(ARGS)

.PHONY: check
check: $(READY) ## Lint, format, types, layers, docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/docs

.PHONY: format
format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

.PHONY: bench
bench: $(READY) ## Measure the hot paths, as ratios
	$(BIN)/python -m benchmarks $(ARGS)

.PHONY: lock
lock: $(READY) ## Pin the newest packages that pyproject.toml allows
	$(BIN)/pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-annotate --no-header \
		--extra dev --python-version 3.11 pyproject.toml -o requirements.lock
