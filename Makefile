# The commands of this project; `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/sh
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python -m
# A virtual environment works with the Python that made it only, so the marker names it.
READY := $(VENV)/.requirements-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
# All checkouts share what mypy knows: it compares content, and without it needs a minute and a half.
MYPY := MYPY_CACHE_DIR="$${XDG_CACHE_HOME:-$$HOME/.cache}/private-registry/mypy" $(RUN) mypy --no-error-summary
LINT := $(RUN) ruff format --check --quiet . && $(RUN) ruff check --quiet . && $(MYPY)
STACK ?= local

.PHONY: help
help: ## List the commands
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
	@echo
	@echo "  PLUGINS=official|standin  IMAGES=official|offline   force what is otherwise found out"

$(READY): requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "error: Python 3.11 or newer is needed as python3; name another with PYTHON=..." >&2; exit 1; }
	@echo "installing Python packages into $(VENV) …" >&2
	@fresh=$$([ -e $@ ] || echo --clear); \
		$(PYTHON) -m venv $$fresh $(VENV) >/dev/null \
		|| { [ "$$(id -u)" = 0 ] && { apt-get update -qq; apt-get install -qq -y python3-venv; } >/dev/null \
			&& $(PYTHON) -m venv --clear $(VENV); } \
		|| { echo "error: $(PYTHON) cannot make a virtual environment; install python3-venv" >&2; exit 1; }
	@# uv takes seconds where pip takes a minute, but does not know an index that pip is configured with.
	@{ ! $(RUN) pip config list | grep -q index-url \
		&& $(RUN) pip install --quiet --disable-pip-version-check $$(grep '^uv==' requirements.txt) \
		&& $(VENV)/bin/uv pip install --quiet --python $(VENV)/bin/python --requirement requirements.txt; } 2>/dev/null \
		|| $(RUN) pip install --quiet --disable-pip-version-check --requirement requirements.txt
	@touch $@

.PHONY: setup
setup: $(READY) ## Install the Python packages that everything else needs

.PHONY: up
up: $(READY) ## Create, change or repair the local registry
	@$(RUN) tools.bootstrap --stack $(STACK) up

.PHONY: preview
preview: $(READY) ## Show what `make up` would change
	@$(RUN) tools.bootstrap --stack $(STACK) preview

.PHONY: open
open: $(READY) ## Open the registry's pages in a browser
	@$(RUN) tools.bootstrap --stack $(STACK) open

.PHONY: outputs
outputs: $(READY) ## Print addresses and accounts as JSON, secrets shown
	@$(RUN) tools.bootstrap --stack $(STACK) outputs

.PHONY: down
down: $(READY) ## Remove the local registry; its images stay in .state/
	@$(RUN) tools.bootstrap --stack $(STACK) down

.PHONY: review
review: $(READY) ## Judge what `make up` would change, as the check of a pull request does; ARGS="--allow URN"
	@$(RUN) tools.bootstrap --stack $(STACK) pulumi preview --json | $(RUN) tools.bootstrap.review $(ARGS)

.PHONY: lock
lock: $(READY) ## Pin the images by the digests that their tags have today; ARGS=--dry-run only shows
	@$(RUN) tools.bootstrap.lock $(ARGS)

.PHONY: rotate
rotate: $(READY) ## Replace a secret by a new one, and end the old one: make rotate NAME=events_token
	@$(RUN) tools.bootstrap --stack $(STACK) rotate $(NAME)

.PHONY: prune
prune: $(READY) ## Remove old backups with the key that the host does not have; ARGS=--dry-run only shows
	@$(RUN) tools.bootstrap --stack $(STACK) prune $(ARGS)

.PHONY: pulumi
pulumi: $(READY) ## Run any command of the Pulumi CLI: make pulumi ARGS="stack export"
	@$(RUN) tools.bootstrap --stack $(STACK) pulumi $(ARGS)

# Keep bytecode even if the environment forbids it: otherwise each of the many processes compiles the sources again.
test test-unit coverage lint: export PYTHONDONTWRITEBYTECODE :=

# Lint runs in the background, so that the output ends with pytest's own summary.
.PHONY: test
test: $(READY) ## Run every check and test, with the real engine and real containers
	@($(LINT)) & lint=$$!; \
		$(RUN) pytest --numprocesses auto --durations 20; tests=$$?; \
		wait $$lint || { echo "error: style or types are wrong: run 'make lint'" >&2; exit 1; }; \
		exit $$tests

.PHONY: test-unit
test-unit: $(READY) ## Run the tests that need no engine, no Docker and no built programs
	@$(RUN) pytest --numprocesses logical -m "not system"

.PHONY: coverage
coverage: $(READY) ## Run every test, and show which lines none reaches; ARGS='-m "not system"' only runs the fast ones
	@rm -rf .coverage && mkdir .coverage
	@$(RUN) coverage run -m pytest --numprocesses auto $(ARGS); tests=$$?; \
		$(RUN) coverage combine --quiet && $(RUN) coverage html --quiet && $(RUN) coverage report \
		&& echo "line by line: .coverage/html/index.html" && exit $$tests

.PHONY: lint
lint: $(READY) ## Check style and types
	@$(LINT)

.PHONY: format
format: $(READY) ## Put the code into its form
	@$(RUN) ruff check --fix --quiet .
	@$(RUN) ruff format --quiet .

.PHONY: docs
docs: $(READY) ## Build the documentation as a site in .state/docs, and check its links; ARGS=--external asks those to other sites, too
	@$(RUN) tools.docs $(ARGS)

.PHONY: e2e
e2e: $(READY) ## Create, use and destroy a production stack on emulated machines: nothing is rented
	@$(RUN) tools.emulation

.PHONY: drill
drill: $(READY) ## Lose an emulated server and the state, recover both from the kit alone, and print how long it took
	@$(RUN) tools.emulation drill

.PHONY: bench
bench: $(READY) ## Measure, and write docs/performance.md; COLD=1 adds a first `make up`, BASELINE=REV one of REV; ONLY=backups|compared|console|gc|growth|interruptions|mirror|tests; ZOT=PROGRAM to compare with
	@$(RUN) tools.bench

.PHONY: requirements
requirements: $(READY) ## Resolve requirements.in, ops/requirements.in and ops/requirements-ui.in anew
	@$(VENV)/bin/uv pip compile --quiet --upgrade --no-header --no-emit-index-url --no-emit-find-links \
		--python-version 3.11 requirements.in --output-file requirements.txt
	@$(VENV)/bin/uv pip compile --quiet --upgrade --no-header --no-emit-index-url --no-emit-find-links --generate-hashes \
		--python-version 3.13 --python-platform linux ops/requirements.in --output-file ops/requirements.txt
	@$(VENV)/bin/uv pip compile --quiet --upgrade --no-header --no-emit-index-url --no-emit-find-links --generate-hashes \
		--python-version 3.13 --python-platform linux --constraint ops/requirements.txt \
		ops/requirements-ui.in --output-file ops/requirements-ui.txt
