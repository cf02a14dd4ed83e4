# Every target makes what it needs first: a fresh clone can start with any of them.
#   make up PORT=8080 SLOTS=2        settings, as in the environment
#   make up LIVEKIT=1                with a LiveKit server of our own, for rooms of several people
#   make up PYTHON=python3.12        another interpreter
BIN := .venv/bin
FAST := tests/unit tests/contracts tests/redis tests/sql
# Three processes share two cores: beside a fourth, products that are spoken to in real time are late.  A file's tests stay
# together in one.  ARGS="-n 0" runs them one by one.
BESIDE := --dist loadfile --no-loadscope-reorder
ARGS ?=
ROUNDS ?= 1

.PHONY: help setup chromium clients livekit postgresql up test test-fast mutants chaos check lint format types imports alone figures lock clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z%-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

up: setup $(if $(filter 1 on,$(LIVEKIT)),livekit) ## start everything and print the link
	@$(BIN)/greenroom up

test: setup chromium clients livekit postgresql ## all tests; ARGS are pytest's
	$(BIN)/python -m pytest -n 3 $(BESIDE) $(ARGS)

test-fast: setup ## those that need no worker, no browser and no process of their own but Redis, in under a minute
	$(BIN)/python -m pytest -n 3 $(BESIDE) -m "not heavy" $(FAST) $(ARGS)

chaos: setup livekit postgresql ## kill, freeze, cut off and flood the running product; ARGS="1 4 22" names scenarios, ROUNDS=5 says how often
	@scripts/install-compiler || true  # then "clocks" fails, and the others run
	$(BIN)/python -m tests.chaos --rounds $(ROUNDS) $(ARGS)

mutants: setup livekit postgresql ## plant faults, one by one: the tests must notice each; ARGS are names of some
	@$(BIN)/python scripts/mutants $(ARGS)

check: setup ## everything that a change must pass, side by side
	@$(MAKE) --no-print-directory --jobs=3 test lint types imports alone

lint: setup ## style
	$(BIN)/ruff check
	$(BIN)/ruff format --check

format: setup ## mend what can be mended of the style
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

types: setup ## mypy
	$(BIN)/mypy

imports: setup ## which part may know which
	$(BIN)/lint-imports --no-cache

alone: setup ## nothing points out of the repository
	$(BIN)/python scripts/stands-alone

bench-move bench-idle: livekit
bench-flush bench-recall: postgresql

bench-%: setup ## a benchmark: join, reconnect, move, api, assistants, memory, cpu, idle, voice, ears, turns, flush, recall, reaper, commands, beats, events
	$(BIN)/python -m benchmarks.$(subst -,_,$*) $(ARGS)

bench-livekit-%: setup livekit ## in LiveKit rooms, beside LiveKit Agents: join, memory
	$(BIN)/python -m benchmarks.livekit_$(subst -,_,$*) $(ARGS)

figures: setup livekit postgresql ## every benchmark, and the table of docs/figures.md anew: twenty minutes; ARGS names some, or is --kept
	@$(BIN)/python -m benchmarks.figures $(ARGS)

lock: setup ## requirements.lock again, from setup.cfg; ARGS are uv's, as in --upgrade
	scripts/lock $(ARGS)

clean: ## all that was made, but not var/, which holds what is kept
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

setup:
	@PYTHON="$(PYTHON)" scripts/setup

chromium: setup
	@scripts/install-chromium

clients: setup ## pipecat's JavaScript client to test against: takes Node and npm
	@scripts/install-clients

livekit: setup ## a LiveKit server to test against and for LIVEKIT=1: found, or built with Go
	@scripts/install-livekit

postgresql: setup ## a PostgreSQL server to test against: found, or Debian's installed
	@scripts/install-postgresql
