# Every target works on a fresh clone with Python >= 3.11 and make. What is missing is installed from
# the package index into .venv, once; after that no network is needed.

UV_VERSION := 0.13.9
CANDIDATES := python3.13 python3.12 python3.11 python3 python3.14
PYTHON ?= $(shell for python in $(CANDIDATES); do \
	"$$python" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& echo "$$python" && break; done)

BIN := .venv/bin
# Runs a command with a throwaway PostgreSQL, if PostgreSQL is installed.
WITH_POSTGRES := .venv/bin/python -m tests.harness.postgres
READY := .venv/.ready
CODE := bot cogs demo sandbox tests docs

export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV
# With it, each of the tests' processes compiles anew all that it imports, which takes half of its
# start, and pytest rewrites every test module.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

.PHONY: help
help:  ## List the targets.
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null \
	|| sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1: \2/p' Makefile

.PHONY: setup
setup: $(READY)  ## Install everything from the lock into .venv.

$(READY): pyproject.toml sandbox/pyproject.toml uv.lock
	@test -n "$(PYTHON)" || { \
		echo "make: Python >= 3.11 with venv is needed and none was found (tried: $(CANDIDATES));" \
		"install it (Debian: apt install python3-venv) or say make PYTHON=/path/to/python" >&2; exit 1; }
	@test -x $(BIN)/python || "$(PYTHON)" -m venv .venv
	@$(BIN)/uv --version 2>/dev/null | grep -qF "uv $(UV_VERSION)" \
	|| $(BIN)/python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@$(BIN)/uv sync --frozen --quiet
	@touch $(READY)

.PHONY: demo
demo: $(READY)  ## Watch the real bot make, extend and edit a clip, no account needed (KEEP=1 stays up).
	@$(BIN)/python -m demo $(if $(KEEP),--keep)

.PHONY: play
play: $(READY)  ## Use the real bot in a browser, no account needed (ARGS="--port N").
	@$(BIN)/python -m demo.play $(ARGS)

.PHONY: sandbox
sandbox: $(READY)  ## Run the local Discord and Google; the first line says how to reach them.
	@$(BIN)/python -m sandbox $(ARGS)

# Compiles what the tests import, and pytest's form of the tests, which their processes would
# otherwise all do at the same time. What it says of a broken test, the tests say as well.
COMPILED := .venv/.compiled
$(COMPILED): $(READY)
	@$(BIN)/python -m pytest --collect-only --quiet >/dev/null 2>&1 || true
	@touch $(COMPILED)

# Three for each processor, at most eight: the end-to-end tests wait most of the time.
PROCESSES ?= $(shell cores=$$(nproc 2>/dev/null || echo 2); echo $$((cores < 3 ? cores * 3 : 8)))

.PHONY: test
test: $(READY) $(COMPILED)  ## Run all tests (ARGS="tests/unit -k ledger" narrows).
	@$(WITH_POSTGRES) $(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile \
		--no-loadscope-reorder $(ARGS)

# The rules, the services on SQLite and a few walks through the real bot, listed in tests/fast.txt.
.PHONY: test-fast
test-fast: $(READY)  ## Run the tests that tell most in the shortest time.
	@$(BIN)/python -m pytest --numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder \
		-m "not postgresql" $(ARGS) @tests/fast.txt

COVERAGE := COVERAGE_FILE="$(CURDIR)/var/coverage/data" $(BIN)/coverage
.PHONY: coverage
coverage: $(READY)  ## Run all tests and measure the lines and branches they run; fail below the floor.
	@rm -rf var/coverage && mkdir -p var/coverage
	@COVERAGE_FILE="$(CURDIR)/var/coverage/data" $(WITH_POSTGRES) $(BIN)/coverage run -m pytest \
		--numprocesses $(PROCESSES) --dist loadfile --no-loadscope-reorder $(ARGS)
	@$(COVERAGE) combine --quiet && $(COVERAGE) html --quiet --directory var/coverage/html
	@$(COVERAGE) report

.PHONY: cases
cases: $(READY)  ## Run the tests of reported faults and write docs/cases.md.
	@$(MAKE) --no-print-directory test ARGS="tests --cases-only --cases-page docs/cases.md $(ARGS)"

.PHONY: check
check: $(READY) check-format check-lint check-types check-imports check-migrations check-lock check-docker check-docs check-workflows  ## Run what CI runs besides the tests.
	@echo "check: ok"

.PHONY: check-format
check-format: $(READY)
	@$(BIN)/ruff format --check $(CODE)

.PHONY: check-lint
check-lint: $(READY)
	@$(BIN)/ruff check $(CODE)

.PHONY: check-types
check-types: $(READY)
	@$(BIN)/mypy

.PHONY: check-imports
check-imports: $(READY)
	@$(BIN)/lint-imports --no-logo

# Compares the tables that the migrations create with those that the code declares.
MIGRATE := alembic --config pyproject.toml
.PHONY: check-migrations
check-migrations: $(READY)
	@rm -rf var/check && mkdir -p var/check
	@PATH="$(BIN):$$PATH" $(WITH_POSTGRES) sh -euc ' \
		for DATABASE_URL in sqlite+aiosqlite:///var/check/migrations.db $${TEST_POSTGRES_URL:-}; do \
			export DATABASE_URL; $(MIGRATE) upgrade head; $(MIGRATE) check; done'
	@rm -rf var/check

.PHONY: check-lock
check-lock: $(READY)
	@$(BIN)/uv lock --check --offline --quiet \
	|| { echo "uv.lock does not match pyproject.toml: run $(BIN)/uv lock" >&2; exit 1; }

.PHONY: check-docker
check-docker: $(READY)
	@$(BIN)/hadolint Dockerfile

# Only mkdocs-material's own advertisement is turned off; a broken link stops the build.
.PHONY: check-docs
check-docs: $(READY)
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict

.PHONY: check-workflows
check-workflows: $(READY)
	@$(BIN)/actionlint -shellcheck= -pyflakes= .github/workflows/*.yml
	@$(BIN)/zizmor --offline --quiet --no-progress .github

.PHONY: chaos
chaos: $(READY)  ## Kill processes at the worst moments and count what was lost (nothing).
	@$(BIN)/python -m tests.chaos $(ARGS)

.PHONY: image-test
image-test: $(READY)  ## Build the image and run the bot in it against the sandbox (ARGS="--built" skips the build).
	@$(BIN)/python -m tests.image $(ARGS)

.PHONY: bench
bench: $(READY)  ## Measure job starts, polling, adoption, memory, and commands beside stalled visitors.
	@$(WITH_POSTGRES) --durable $(BIN)/python -m tests.bench $(ARGS)

.PHONY: pictures
pictures: $(READY)  ## Retake the pictures in docs/pictures (ARGS="cards gallery page" narrows; needs Chromium, fonts-noto-cjk).
	@$(BIN)/python -m tests.pictures $(ARGS)

.PHONY: lighthouse
lighthouse: $(READY)  ## Measure the gallery with Lighthouse (needs npm and Chromium; fetched at the first use).
	@$(BIN)/python -m tests.web.lighthouse

.PHONY: messages
messages: $(READY)  ## Bring the texts of all languages in step with the code, and quotes with the texts (NEW=pt-BR begins one).
	@$(BIN)/python -m tests.translations $(if $(NEW),--new $(NEW))

.PHONY: reference
reference: $(READY)  ## Write the pages made from the code: settings, command line, models, the sandbox's API.
	@$(BIN)/python -m tests.unit.project.reference_pages .

.PHONY: format
format: $(READY)  ## Format the code and fix what the linter can.
	@$(BIN)/ruff check --fix --quiet $(CODE) || true
	@$(BIN)/ruff format --quiet $(CODE)

.PHONY: clean
clean:  ## Remove the environment, caches and the output of demo, chaos and bench, not your data.
	@rm -rf .venv .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	@rm -rf var/demo var/demo.lock var/play var/play.lock var/chaos var/chaos.json var/bench var/coverage var/examples
	@find $(wildcard $(CODE)) -type d -name __pycache__ -prune -exec rm -rf {} +
