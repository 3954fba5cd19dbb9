# Everything starts here. Each target sets up what it needs; a fresh machine needs only Python 3.11+, pip and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: setup demo test test-all faults fuzz soak board sprites bench bench-gpu

setup: .venv/installed  ## only install

demo: .venv/installed  ## sample from the model that comes along; then train for a few minutes, and sample from that
	mkdir -p runs
	$(BIN)/python scripts/sample.py shipped --guidance 0 1 2 4 --count 4 --out runs/shipped.png --overwrite
	@echo "Open runs/shipped.png: sprites of the model that comes along. Now one is trained from nothing:"
	$(BIN)/python scripts/train.py configs/demo.toml --out runs/demo --overwrite
	$(BIN)/python scripts/sample.py runs/demo --guidance 0 1 2 4 --out runs/demo/grid.png --overwrite
	@echo "Open runs/demo/grid.png: categories down, guidance scales across. Then: make board"

PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest
WORKERS := -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder  # in the order of tests/conftest.py

test: .venv/installed-test  ## lint, format check, and every test but the slow ones; mypy is one of them
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(PYTEST) -m "not slow" $(WORKERS)

test-all: .venv/installed-test  ## every test, and those of `make faults`: KILLS (20)
	KILLS=$(or $(KILLS),20) $(PYTEST) $(WORKERS)

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

bench: .venv/installed-bench  ## compare with three libraries on this CPU, in an hour; QUICK=1: some minutes; DATA=FOLDER
	$(BIN)/python scripts/bench.py $(if $(QUICK),--quick) $(if $(DATA),--data $(DATA))

bench-gpu: .venv/installed  ## the default config on one CUDA GPU; DATA=FOLDER
	$(BIN)/python scripts/bench_gpu.py $(if $(DATA),--data $(DATA))

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
