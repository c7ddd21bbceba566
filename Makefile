# What a contributor runs. Each target is one command that also works by itself.

.PHONY: install test quick lint types imports check format pictures

install:  ## vitbench from this folder, with what tests and checks need
	pip install -e '.[dev]'

test:  ## all tests, on all cores
	pytest -n auto --dist worksteal

quick:  ## the tests that a small change breaks first, in a minute
	pytest -q tests/test_imports.py tests/test_registry.py tests/config tests/model

lint:
	ruff check .
	ruff format --check .

types:
	mypy

imports:  ## which folder may import which
	lint-imports

check: lint types imports test

format:
	ruff format .
	ruff check --fix .

pictures:  ## the pictures that README and docs show
	python scripts/finding.py
	cd examples/cifar10 && vitbench report results --figures figures --out RESULTS.md
