# Everything a newcomer needs: python3 (3.11 or newer) and make; uv is used when it is there.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

.PHONY: test test-compat test-corpus stress lint demo bench fuzz fuzz-million clean

# $(call install,VENV,GROUPS): a virtual environment with onetake and the named dependency groups.
ifdef UV
define install
	uv venv --quiet --allow-existing --python $(PYTHON) $(1)
	uv pip install --quiet --python $(1)/bin/python -e . $(foreach group,$(2),--group $(group))
	touch $(1)/.installed
endef
else
define install
	$(PYTHON) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check -e . $(foreach group,$(2),--group $(group))
	touch $(1)/.installed
endef
endif

$(VENV)/.installed: pyproject.toml
	$(call install,$(VENV),test lint)

.venv-demo/.installed: pyproject.toml
	$(call install,.venv-demo,demo)

.venv-bench/.installed: pyproject.toml
	$(call install,.venv-bench,bench)

.venv-fuzz/.installed: pyproject.toml
	$(call install,.venv-fuzz,fuzz)

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 3 --dist worksteal -q $(ARGS)

# The suites of other recorders, fetched from the package index, against onetake in their place.
test-compat:
	$(PYTHON) -m tests_compat $(ARGS)

# Cassettes that five versions of vcrpy record with each client, replayed by onetake, and the other way round.
test-corpus:
	$(PYTHON) -m tests_compat.corpus $(ARGS)

stress: $(VENV)/.installed
	STRESS=1 $(BIN)/python -m pytest -s tests/scenarios $(ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo: .venv-demo/.installed
	.venv-demo/bin/python examples/demo.py

bench: .venv-bench/.installed
	.venv-bench/bin/python -m bench $(ARGS)

# Each reader of strangers' bytes for so many seconds (`make fuzz ARGS="document row"` for some of them).
FUZZ_SECONDS ?= 60
fuzz: .venv-fuzz/.installed
	.venv-fuzz/bin/python -m fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

# A million executions of each: two hours on one core.
fuzz-million: .venv-fuzz/.installed
	.venv-fuzz/bin/python -m fuzz --at-random --runs 1000000 --seconds 7200 $(ARGS)

clean:
	rm -rf .venv .venv-demo .venv-bench .venv-fuzz .demo .compat .onetake .mypy_cache .ruff_cache .pytest_cache
