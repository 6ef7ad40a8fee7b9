# Copyright 2026 the xparo_bridge authors
# SPDX-License-Identifier: Apache-2.0
#
# What one does here, each without ROS installed. `make help` lists it.

PYTHON ?= python3
# The distribution of ROS 2: jazzy, or kilted in an environment beside it.
DISTRO ?= jazzy
export DISTRO
VENV := $(if $(filter jazzy,$(DISTRO)),.venv,.venv-$(DISTRO))/bin
ENVIRONMENT := $(PYTHON) tools/environment.py
# What must be strictly typed.
TYPED := xparo_bridge test/fixtures

.DEFAULT_GOAL := help
.PHONY: help environment demo test lint docs bench conformance fuzz hostile chaos rollout mutants breakages soak release clean

help: ## List these.
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-12s %s\n", $$1, $$2}' Makefile

environment: ## Make .venv with ROS 2 from PyPI, or bring it up to date; DISTRO=kilted for .venv-kilted.
	@$(ENVIRONMENT)

demo: environment ## Play a mission with platform, bridge and robot; ONCE=1 to end after it.
	@$(VENV)/python -m xparo_bridge demo $(if $(ONCE),--once) $(ARGS)

test: environment ## Run the test suite with its coverage; ARGS=test/link for a part of it, without; DISTRO=kilted.
	@mkdir -p .cache/coverage
	$(VENV)/python -m pytest -n 5 --dist worksteal $(if $(WHOLE),--whole )$(if $(ARGS),$(ARGS),--cov)

lint: ## Check style, types, package.xml and what may import what.
	@$(ENVIRONMENT) --lint
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy $(TYPED)
	xmllint --noout --nonet package.xml interfaces/*/package.xml interfaces/*/*/package.xml
	$(VENV)/python tools/check_dependencies.py
	$(VENV)/lint-imports --no-logo --cache-dir .cache/import_linter

DOCS := .cache/docs
$(DOCS)/installed: tools/requirements-docs.txt
	@rm -rf $(DOCS)
	@$(VENV)/pip install --quiet --no-deps --target $(DOCS) -r $<
	@touch $@

docs: environment $(DOCS)/installed ## Build the documentation site in site/; ARGS=serve to show it while you write.
	NO_MKDOCS_2_WARNING=1 PYTHONPATH=$(DOCS) $(VENV)/python -m mkdocs $(if $(ARGS),$(ARGS),build --quiet)

release: environment ## Make a release: VERSION=1.2.0; without, build and check what is there.
	$(VENV)/python tools/release.py $(if $(VERSION),$(VERSION),--dry-run)

bench: environment ## Measure beside floor programs; results in bench/results.
	$(VENV)/python -m bench $(ARGS)

conformance: environment ## Run behaviour-tree cases; CASES='file ...' for some of them.
	$(VENV)/python test/behavior/conformance.py $(CASES)

fuzz: environment ## Feed hostile input to all that reads from outside; ARGS=--seconds=600 for longer.
	@$(VENV)/pip install --quiet atheris || echo 'atheris cannot be installed here'
	$(VENV)/python test/fuzz.py $(ARGS)

hostile: environment ## Attack the whole bridge while a robot drives; ARGS='--minutes 60 --seed 7'.
	PYTHONPATH=test $(VENV)/python -m hostile $(ARGS)

chaos: environment ## Break links, processes and clocks while the demo runs.
	PYTHONPATH=test $(VENV)/python -m chaos $(ARGS)

rollout: environment ## Roll a fleet of 50 bridges out by Ansible, a wave of which cuts its links; ARGS='--robots 12'.
	PYTHONPATH=test $(VENV)/python test/rollout/rollout_of_many.py $(ARGS)

mutants: environment ## Change single lines of the critical rooms; the nearest tests must notice. ARGS='--count 30'.
	$(VENV)/python -m tools.mutants $(ARGS)

breakages: environment ## Break the bridge and the robot in each of many ways; a scenario must catch each.
	XPARO_BREAKAGES=all $(VENV)/python -m pytest test/scenarios/test_mutants.py $(ARGS)

soak: environment ## Let topics come and go for half an hour and watch memory, threads and files.
	$(VENV)/python test/soak.py $(ARGS)

clean: ## Remove all that was made here.
	rm -rf .venv .venv-kilted .cache build install log *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
