# Everything a newcomer needs: python3 (3.11 or newer) and make; uv is used when it is there.
PYTHON ?= python3

# Another interpreter (`make test PYTHON=python3.13`) has virtual environments of its own.
ifeq ($(PYTHON),python3)
INTERPRETER := python3
VENV := .venv
else
INTERPRETER := $(shell .ci/interpreter $(PYTHON))
ifeq ($(INTERPRETER),)
$(error No interpreter $(PYTHON))
endif
VENV := .venv-$(shell $(INTERPRETER) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
endif
BIN := $(VENV)/bin
UV := $(shell command -v uv 2>/dev/null)

.PHONY: test test-compat test-corpus stress lint demo bench fuzz fuzz-million clean

# $(call install,VENV,GROUPS,MORE): a virtual environment with onetake, the named dependency groups and more.
ifdef UV
define install
	uv venv --quiet --allow-existing --python $(INTERPRETER) $(1)
	uv pip install --quiet --python $(1)/bin/python -e . $(3) $(foreach group,$(2),--group $(group))
	touch $(1)/.installed
endef
else
define install
	$(INTERPRETER) -m venv $(1)
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=25.1'
	$(1)/bin/python -m pip install --quiet --disable-pip-version-check -e . $(3) $(foreach group,$(2),--group $(group))
	touch $(1)/.installed
endef
endif

$(VENV)/.installed: pyproject.toml packages/onetake-vcr/pyproject.toml
	$(call install,$(VENV),test lint,-e packages/onetake-vcr)

$(VENV)-demo/.installed: pyproject.toml
	$(call install,$(VENV)-demo,demo)

$(VENV)-bench/.installed: pyproject.toml
	$(call install,$(VENV)-bench,bench)

$(VENV)-fuzz/.installed: pyproject.toml
	$(call install,$(VENV)-fuzz,fuzz)

test: $(VENV)/.installed
	$(BIN)/python -m pytest -n 3 --dist worksteal -q $(ARGS)

# The suites of other recorders, fetched from the package index, against onetake in their place.
test-compat:
	$(INTERPRETER) -m tests_compat $(ARGS)

# Cassettes that five versions of vcrpy record with each client, replayed by onetake, and the other way round.
test-corpus:
	$(INTERPRETER) -m tests_compat.corpus $(ARGS)

stress: $(VENV)/.installed
	STRESS=1 $(BIN)/python -m pytest -s tests/scenarios tests/plugin $(ARGS)

lint: $(VENV)/.installed
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

demo: $(VENV)-demo/.installed
	$(VENV)-demo/bin/python examples/demo.py

bench: $(VENV)-bench/.installed
	$(VENV)-bench/bin/python -m bench $(ARGS)

# Each reader of strangers' bytes for so many seconds (`make fuzz ARGS="document row"` for some of them).
FUZZ_SECONDS ?= 60
fuzz: $(VENV)-fuzz/.installed
	$(VENV)-fuzz/bin/python -m fuzz --seconds $(FUZZ_SECONDS) $(ARGS)

# A million executions of each: two hours on one core.
fuzz-million: $(VENV)-fuzz/.installed
	$(VENV)-fuzz/bin/python -m fuzz --at-random --runs 1000000 --seconds 7200 $(ARGS)

clean:
	rm -rf .venv .venv-* .demo .compat .onetake .mypy_cache .ruff_cache .pytest_cache
