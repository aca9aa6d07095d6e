# One name for everything a person does here; `make` alone lists them. Nothing needs an activated environment.

PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
SEEDS ?= 1000

# Where this is set, every process that a test starts would compile the whole project again: a quarter of its start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup look reader micropython demo picture screenshots test check bench plots simulate proof translations lock clean
.PHONY: environment check-hub check-street check-types check-rules check-contracts check-style test-acceptance test-faults test-played test-rest test-simulated test-mutants

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: environment look ## Set up everything, the programs that tests need included (root installs them)
	@.ci/programs daemons
	@$(MAKE) --no-print-directory reader
	@$(MAKE) --no-print-directory micropython || test -z "$$CI" # a named skip elsewhere
	@echo "Ready: make demo, make test"

demo: environment ## Play a street against a hub, break things, reconcile (COUNT=n, STAY=1, KIOSK=window shows a kiosk)
	@$(MAKE) --no-print-directory look >/dev/null 2>&1 || true # without typefaces a kiosk has no screen, and it says so
	@$(MAKE) --no-print-directory reader >/dev/null 2>&1 || true # without it the buses have no cards, and it says so
	@$(VENV)/bin/ventanilla demo $(if $(COUNT),--count $(COUNT)) $(if $(STAY),--stay)

picture: environment look ## Play the demonstration and keep a moment of it as the picture of the README
	@$(VENV)/bin/ventanilla demo --picture docs/images/demo.svg

screenshots: environment look ## Take the pictures of docs/KIOSK.md from the kiosk's real screen
	@$(PY) -m tests.support.screen_pictures

test: setup ## Run every test: check, real processes, 1,000 simulated seeds, every planted bug
	@$(MAKE) --no-print-directory check
	@$(MAKE) --no-print-directory -j4 --output-sync=target \
		test-rest test-acceptance test-faults test-played test-simulated

check: environment ## Format, lint, types, import contracts, fast tests (two or three minutes)
	@$(MAKE) --no-print-directory -j2 --output-sync=target \
		check-hub check-street check-rules check-types check-contracts check-style

bench: environment ## Measure: bench.json and docs/BENCHMARKS.md (PEERS=1 beside other products, 25 minutes at most)
	@$(PY) -m tests.bench $(if $(PEERS),--peers)

plots: environment ## Write the tables and plots of docs/BENCHMARKS.md again, from bench.json
	@$(PY) -m tests.bench.page

simulate: environment ## Simulate devices, broker, hub and core (SEEDS=n, SEED=n replays one, MUTANT=name plants a bug)
	@$(PY) -m tests.simulation $(if $(SEED),--seed $(SEED),--seeds $(SEEDS)) $(if $(MUTANT),--mutant $(MUTANT))

proof: setup ## The long proofs: power cuts, bit flips, mutants, 2,000 seeds, 1,000 kills (most of an hour)
	@$(PY) -m tests.proof

translations: environment ## Bring the translators' files to what the kiosk says (kiosk_app/languages)
	@$(PY) -m tests.architecture.translations

lock: environment ## Resolve the dependencies again and write requirements/*.lock
	@$(LOCK) --extra hub --extra device -o requirements/runtime.lock pyproject.toml
	@$(LOCK) --all-extras -c requirements/runtime.lock -o requirements/dev.lock pyproject.toml

clean: ## Remove what was made (the environment in .venv stays)
	@rm -rf build dist *.egg-info .pytest_cache .hypothesis .ruff_cache .import_linter_cache bench.json demo-report.json
	@find . -name __pycache__ -not -path './$(VENV)/*' -prune -exec rm -rf {} +

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-emit-find-links --upgrade

look: $(VENV)/.look ## Install the typefaces and icons of the screens, below the environment

reader: $(VENV)/share/ventanilla/reader/ventanilla_ifd.so ## Compile the reader that virtual cards are held to (tests, demonstration)

micropython: $(VENV)/share/ventanilla/micropython/micropython ## Bring the 32-bit MicroPython that beacons' tests run on

# ---- the environment: made once, then a second call is instant

environment: $(VENV)/.installed

$(VENV)/.installed: $(VENV)/.locked pyproject.toml
	@PYTHONWARNINGS=ignore $(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.locked: requirements/dev.lock
	@.ci/programs python "$(PYTHON)"
	@echo "Setting up $(VENV) (a minute or two, once)"
	@test -x $(PY) || $(PYTHON) -m venv $(VENV)
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/dev.lock
	@touch $@

$(VENV)/.look: requirements/look.lock .ci/look | environment
	@.ci/look $(VENV)/share/ventanilla/look $(PY)
	@touch $@

$(VENV)/share/ventanilla/reader/ventanilla_ifd.so: hardware/reader/driver/ventanilla_ifd.c .ci/reader
	@.ci/reader $@

$(VENV)/share/ventanilla/micropython/micropython: .ci/micropython | environment
	@.ci/micropython $(@D)

# ---- the parts of check and test

check-style:
	@$(VENV)/bin/ruff format --check --quiet . || { echo "Not formatted. Mend with: $(VENV)/bin/ruff format ."; exit 1; }
	@$(VENV)/bin/ruff check --quiet .

check-types:
	@$(VENV)/bin/pyright

check-contracts:
	@$(VENV)/bin/lint-imports

check-rules:
	@$(PY) -m pytest -q tests/architecture

check-hub:
	@$(PY) -m pytest -q tests/unit/hub tests/property

check-street:
	@$(PY) -m pytest -q tests/unit --ignore=tests/unit/hub

# The longest first; what is left comes as soon as one of the others has ended. All of these mostly wait.
PLAYED := tests/acceptance/test_demo.py tests/acceptance/test_conform.py
ELSEWHERE := tests/acceptance tests/fault tests/proof tests/unit tests/property tests/architecture

test-acceptance:
	@$(PY) -m pytest -q --durations=10 tests/acceptance $(foreach part,$(PLAYED),--ignore=$(part))

test-played:
	@$(PY) -m pytest -q --durations=3 $(PLAYED)

test-faults:
	@$(PY) -m pytest -q --durations=10 tests/fault

test-rest:
	@$(PY) -m pytest -q --durations=10 tests $(foreach part,$(ELSEWHERE),--ignore=$(part))

# Beside the real processes, which mostly wait: these must not feel it, so what is simulated stands back.
test-simulated:
	@nice -n 10 $(MAKE) --no-print-directory simulate SEEDS=1000 SEED= MUTANT=
	@nice -n 10 $(MAKE) --no-print-directory test-mutants

# A planted bug that the simulator does not notice is a hole in the proof.
test-mutants:
	@mutants=$$($(PY) -c 'from tests.simulation.mutants import MUTANTS; print(*sorted(MUTANTS))') && test -n "$$mutants" && \
	for mutant in $$mutants; do \
		told=$$($(PY) -m tests.simulation --seeds 1000 --mutant $$mutant); \
		case "$$told" in \
		*"a promise broke under $$mutant"*) echo "$$mutant: $$(echo "$$told" | head -n 2 | tr '\n' ' ')" ;; \
		*) echo "$$told"; echo "The planted bug $$mutant was not noticed."; exit 1 ;; \
		esac; \
	done
