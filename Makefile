# `make help` lists what can be done. Everything begins with `setup`, which is quick when nothing has changed.
PYTHON = .venv/bin/python

.DEFAULT_GOAL := help
unexport PYTHONDONTWRITEBYTECODE  # what is compiled once is compiled for every process that a test starts

.PHONY: help setup run test explore lint types contracts format bench lock clean-demo screenshots

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

setup: ## install what is missing (Debian packages, .venv)
	@scripts/system-packages.sh
	@scripts/python-environment.sh
	@$(PYTHON) -m tests.servers.oidc_provider || echo "setup: npm's registry was not reached; the tests of sign-in at a provider need it once" >&2
	@$(PYTHON) -m tests.servers.canaille || echo "setup: Python's package index was not reached; the tests of SCIM services need it once" >&2

run: setup ## start the sample organisation and serve it
	.venv/bin/idm demo

test: setup lint types contracts ## check style, types, import contracts, and run every test
	$(PYTHON) -m pytest -n 2 --dist loadfile --no-loadscope-reorder

explore: setup ## look for new counterexamples of the properties
	HYPOTHESIS_PROFILE=explore $(PYTHON) -m pytest -n 2 $$(grep -l '^from hypothesis' -r tests --include='test_*.py')

lint: setup ## check style
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .

types: setup ## check types
	.venv/bin/mypy

contracts: setup ## check that imports point one way
	.venv/bin/lint-imports

format: setup ## put the code in its one form
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

bench: setup ## run the benchmarks
	$(PYTHON) -m tests.benchmarks.run

lock: ## resolve requirements.lock anew
	scripts/lock.sh

clean-demo: ## throw the sample organisation's data away
	rm -rf .demo

screenshots: setup ## make the pictures of the README with the browser test
	$(PYTHON) -m pytest -q tests/browser --screenshots docs/images
