# The portal's commands; `make` lists them. Needs python3 (3.11 or newer), make and git, and nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

PYTHON3 ?= python3
VENV := .venv
PYTHON := $(VENV)/bin/python
INSTALLED := $(VENV)/installed
from_env_file = $(shell sed -n 's/^$(1)=//p' .env 2>/dev/null | tail -n 1)
PORT ?= $(or $(call from_env_file,PORT),8000)
SANDBOX_PORT ?= $(or $(call from_env_file,SANDBOX_PORT),12111)
TEST_PROCESSES ?= auto
CATALOGUES := $(patsubst %.po,%.mo,$(wildcard portal/locale/*/LC_MESSAGES/django.po))
# Nothing is written outside this folder, whatever HOME is.
export PIP_CACHE_DIR := $(CURDIR)/var/cache/pip
export UV_CACHE_DIR := $(CURDIR)/var/cache/uv
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PORT SANDBOX_PORT

.PHONY: help
help: ## List these commands
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Run -----------------------------------------------------------------------------------------------
.PHONY: run
run: $(INSTALLED) $(CATALOGUES) ## Start the portal with demo content at http://localhost:8000 (PORT=… for another port)
	@mkdir -p var media
	@$(PYTHON) manage.py check_ports
	@$(PYTHON) manage.py migrate --verbosity 0
	@$(PYTHON) manage.py createcachetable --verbosity 0
	@$(PYTHON) manage.py load_demo
	@WEB_PORT=$(PORT) $(VENV)/bin/honcho start -e /dev/null -f docker/Procfile || case $$? in 130|143) ;; *) exit 1;; esac

# --- Check ---------------------------------------------------------------------------------------------
.PHONY: test
test: $(INSTALLED) $(CATALOGUES) ## Run all tests: on SQLite, then those that need it on PostgreSQL
	$(PYTHON) -m pytest -n $(TEST_PROCESSES) -m "not postgres"
	$(PYTHON) -m portal.tests.postgres -- $(PYTHON) -m pytest -m postgres

.PHONY: lint
lint: $(INSTALLED) ## Check style, templates, import contracts and types
	$(VENV)/bin/ruff check
	$(VENV)/bin/ruff format --check
	$(VENV)/bin/djlint templates --lint --quiet
	$(VENV)/bin/lint-imports
	$(VENV)/bin/mypy

.PHONY: fix
fix: $(INSTALLED) ## Mend what ruff can mend by itself
	$(VENV)/bin/ruff check --fix
	$(VENV)/bin/ruff format

.PHONY: coverage
coverage: $(INSTALLED) $(CATALOGUES) ## Measure how much of the code the tests run, into docs/coverage.md
	@mkdir -p var
	$(PYTHON) -m portal.tests.postgres -- $(PYTHON) -m pytest -q --cov --cov-report= -m postgres
	$(PYTHON) -m pytest -q -n $(TEST_PROCESSES) --cov --cov-append --cov-report= -m "not postgres"
	$(PYTHON) -m portal.tests.coverage_page docs/coverage.md

.PHONY: guards
guards: $(INSTALLED) $(CATALOGUES) ## Take each guard out of a copy of the code and see its test fail
	$(PYTHON) -m portal.tests.postgres -- $(PYTHON) -m portal.tests.guards

.PHONY: races
races: $(INSTALLED) $(CATALOGUES) ## Race buyers, sweeps and refunds for long, and search long for what breaks the shop
	RACES=long $(PYTHON) -m portal.tests.postgres -- $(PYTHON) -m pytest -n 0 -m postgres \
		commerce/tests/test_shop_races.py commerce/tests/test_sweep_races.py
	RACES=long $(PYTHON) -m pytest -n 0 commerce/tests/test_shop_machine.py

.PHONY: kills
kills: $(INSTALLED) $(CATALOGUES) ## Kill, freeze and stop every process of the worker, also in the middle of a digest, and see that work goes on
	KILLS=long $(PYTHON) -m pytest -n 0 -s -m "not postgres" portal/tests/test_watchdog.py portal/tests/test_queue_loss.py \
		portal/tests/test_digest_and_kills.py
	KILLS=long $(PYTHON) -m portal.tests.postgres -- $(PYTHON) -m pytest -n 0 -s -m postgres \
		portal/tests/test_watchdog.py portal/tests/test_queue_loss.py

.PHONY: sizes
sizes: $(INSTALLED) $(CATALOGUES) ## Import and export ten thousand books, and measure the memory it takes
	SIZES=long $(PYTHON) -m pytest -n 0 library/tests/test_import_size.py

.PHONY: bench
bench: $(INSTALLED) $(CATALOGUES) ## Measure queries, bytes and time of the main pages
	$(PYTHON) -m portal.benchmarks
	$(PYTHON) -m commerce.sandbox.benchmark

# --- Write ---------------------------------------------------------------------------------------------
.PHONY: schema
schema: $(INSTALLED) ## Write the API's schema to docs/api/swagger.json
	@mkdir -p docs/api
	$(PYTHON) manage.py generate_swagger --overwrite --format json docs/api/swagger.json

.PHONY: messages
messages: $(INSTALLED) ## Collect the texts to translate into portal/locale, and compile the catalogues
	@command -v xgettext >/dev/null || { echo "make messages needs gettext: apt-get install gettext"; exit 1; }
	$(PYTHON) manage.py makemessages --locale ru --add-location file \
		--ignore '$(VENV)/*' --ignore 'var/*' --ignore 'media/*' --ignore '*/tests/*'
	@$(MAKE) --no-print-directory catalogues

.PHONY: catalogues
catalogues: $(CATALOGUES)

.PHONY: requirements
requirements: $(INSTALLED) ## Compile requirements/*.in to pinned, hashed requirements/*.txt
	# For the oldest Python we promise: newer ones take these versions too.
	cd requirements && for name in base development production; do \
		../$(VENV)/bin/uv pip compile --quiet --generate-hashes --python-version 3.11.0 --no-emit-index-url \
			--no-header $$name.in -o $$name.txt; done

.PHONY: clean
clean: ## Remove the virtual environment, caches and the demo's database and files
	rm -rf $(VENV) var .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis htmlcov
	rm -rf media/public media/private portal/locale/*/LC_MESSAGES/django.mo
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- What the commands stand on ------------------------------------------------------------------------
# Built anew when the requirements change. The stamp is written last, so an interrupted installation is repeated.
$(INSTALLED): requirements/development.txt
	@command -v $(PYTHON3) >/dev/null || { echo "python3 is missing: install Python 3.11 or newer (apt-get install python3 python3-venv)."; exit 1; }
	@command -v git >/dev/null || { echo "git is missing: apt-get install git"; exit 1; }
	@$(PYTHON3) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "The portal needs Python 3.11 or newer; $(PYTHON3) is $$($(PYTHON3) --version). Choose another with: make run PYTHON3=python3.12"; exit 1; }
	@$(PYTHON3) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing: apt-get install python3-venv"; exit 1; }
	@test -x $(PYTHON) || { echo "Making the virtual environment in $(VENV) …"; $(PYTHON3) -m venv $(VENV); }
	@echo "Installing the pinned packages (a few minutes the first time) …"
	@$(PYTHON) -m pip install --quiet --require-hashes --no-deps -r requirements/development.txt
	@touch $@

portal/locale/%/LC_MESSAGES/django.mo: portal/locale/%/LC_MESSAGES/django.po | $(INSTALLED)
	@$(VENV)/bin/pybabel --quiet compile --input-file $< --output-file $@
