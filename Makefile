# Every target makes .venv first when it is missing: on a fresh machine `make demo` and `make test` are enough.
PYTHON ?= python3
BIN := .venv/bin
SOURCES := src tests benchmarks experiments

.PHONY: demo test test-slow check format bench clean

# torch goes in first and alone: asked for as a dependency, pip would pick the newest
# build with several gigabytes of GPU libraries and replace the one chosen here.
.venv/ready: pyproject.toml requirements/torch.txt requirements/constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --requirement requirements/torch.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint requirements/constraints.txt --editable '.[dev]'
	$(BIN)/python requirements/verify.py
	touch $@

demo: .venv/ready
	$(BIN)/pixelwise demo --out demo

# The first run leaves the shape checker off, because torch.compile and torch.export cannot trace through it.
test: .venv/ready
	$(BIN)/pytest -m "compile and not slow" -p no:jaxtyping
	$(BIN)/pytest -m "not compile and not slow" --jaxtyping-packages=pixelwise,beartype.beartype

test-slow: .venv/ready
	$(BIN)/pytest -m "slow" --jaxtyping-packages=pixelwise,beartype.beartype

check: .venv/ready
	$(BIN)/ruff format --check $(SOURCES)
	$(BIN)/ruff check $(SOURCES)
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest tests/api
	$(BIN)/pytest --doctest-modules src

format: .venv/ready
	$(BIN)/ruff format $(SOURCES)
	$(BIN)/ruff check --fix $(SOURCES)

bench: .venv/ready
	$(BIN)/python -m benchmarks

clean:
	rm -rf .venv demo build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache
