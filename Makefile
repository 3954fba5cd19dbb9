# Everything starts here. Each target sets up what it needs; a fresh machine needs only Python 3.11+, pip and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo play test test-all test-web faults fuzz soak board sprites bench bench-gpu

setup: .venv/installed  ## only install

demo: .venv/installed  ## sample from the model that comes along; then train for a few minutes, and sample from that
	mkdir -p runs
	$(BIN)/python scripts/sample.py shipped --guidance 0 1 2 4 --count 4 --out runs/shipped.png --overwrite
	@echo "Open runs/shipped.png: sprites of the model that comes along. Now one is trained from nothing:"
	$(BIN)/python scripts/train.py configs/demo.toml --out runs/demo --overwrite
	$(BIN)/python scripts/sample.py runs/demo --guidance 0 1 2 4 --out runs/demo/grid.png --overwrite
	@echo "Open runs/demo/grid.png: categories down, guidance scales across. Then: make board"

play: .venv/installed-web web/node_modules/installed  ## the playground in a browser: MODEL (shipped), PORT (8000)
	$(BIN)/python scripts/export_web.py $(or $(MODEL),shipped) --out web/dist --overwrite
	@echo "Open http://localhost:$(or $(PORT),8000)/ and end it here by Ctrl-C"
	@$(BIN)/python -c "import socket; socket.create_server(('127.0.0.1', $(or $(PORT),8000))).close()" 2> /dev/null || \
		{ echo "port $(or $(PORT),8000) is taken by another program: make play PORT=8080"; exit 1; }
	@$(BIN)/python -m http.server $(or $(PORT),8000) --bind 127.0.0.1 --directory web/dist

PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
WORKERS := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder  # in the order of tests/conftest.py

test: .venv/installed-test  ## lint, format check, and every test but the slow ones; mypy is one of them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PYTEST) -m "not slow" $(WORKERS)

test-all: .venv/installed-test  ## every test, and those of `make faults`: KILLS (20)
	KILLS=$(or $(KILLS),20) $(PYTEST) $(WORKERS)

# Named by CHROMIUM=/path where it is elsewhere.
CHROMIUM ?= $(firstword $(wildcard /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome))
export CHROMIUM

test-web: .venv/installed-web web/node_modules/installed-test  ## the playground in a headless Chromium, its types and parts
	@test -x "$(CHROMIUM)" || { echo "make test-web needs Chromium: apt install chromium, or CHROMIUM=/path make test-web"; exit 1; }
	$(BIN)/python scripts/export_web.py shipped --out web/dist --overwrite
	$(BIN)/python web/tests/parity.py shipped web/tests/parity.json
	cd web && node_modules/.bin/prettier --check . && node_modules/.bin/tsc && node --test --test-concurrency=1 tests/*.test.js

faults: .venv/installed-test  ## kill a training run at KILLS (20) random moments, and at each file operation, and compare
	KILLS=$(or $(KILLS),20) $(PYTEST) tests/runs/test_faults.py tests/runs/test_operations.py

fuzz: .venv/installed-fuzz  ## try every reader of files and values with inputs grown from valid ones; SECONDS=60 each
	PYTHONPATH=tests $(BIN)/python tests/hostile/fuzz.py --seconds $(or $(SECONDS),60)

soak: .venv/installed-test  ## train, save, sample and resume in a loop for MINUTES (30), and see that nothing grows
	MINUTES=$(or $(MINUTES),30) $(BIN)/python -m pytest -s tests/hostile/soak.py

board: .venv/installed  ## TensorBoard on runs/
	$(BIN)/tensorboard --logdir runs

sprites: .venv/installed  ## redraw the shipped sprite set
	$(BIN)/python scripts/make_sprites.py --out sprites

bench: .venv/installed-bench  ## compare with three libraries on this CPU, within the hour; QUICK=1: some minutes; DATA=FOLDER
	$(BIN)/python scripts/bench.py $(if $(QUICK),--quick) $(if $(DATA),--data $(DATA))

bench-gpu: .venv/installed  ## the default config on one CUDA GPU; DATA=FOLDER
	$(BIN)/python scripts/bench_gpu.py $(if $(DATA),--data $(DATA))

web/node_modules/installed: web/package.json
	$(call NPM,--omit=dev)
	touch $@

web/node_modules/installed-test: web/package.json
	$(NPM)
	touch web/node_modules/installed $@

define NPM
@command -v npm >/dev/null || { echo "make $(firstword $(MAKECMDGOALS)) needs npm: install Node.js 20 or newer"; exit 1; }
cd web && npm install --ignore-scripts --loglevel=error $(1)
endef

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv || { rm -rf .venv; echo "python venv is missing; on Debian or Ubuntu: apt install python3-venv"; exit 1; }

define INSTALL
@echo "Installing into .venv; the first time this takes some minutes"
$(BIN)/python -m pip install -q -c constraints.txt -e '.$(1)'
@$(BIN)/python -W ignore -c "$$FIT"
touch .venv/installed $@
endef

# torchvision has compiled code, which loads only beside the build of torch that it was made for.
define FIT
import sys
from importlib.metadata import version
try:
    import torchvision
except Exception as error:
    pair = " and ".join(f"{name} {version(name)}" for name in ("torch", "torchvision"))
    why = str(error).partition("\n")[0]
    sys.exit(f"{pair} do not fit each other ({why}); remove .venv, or install both from one index into it, and make again")
endef
export FIT

.venv/installed: .venv/bin/python pyproject.toml constraints.txt
	$(INSTALL)

.venv/installed-%: .venv/bin/python pyproject.toml constraints.txt
	$(call INSTALL,[$*])
