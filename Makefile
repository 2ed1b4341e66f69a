# `make demo` and `make test` set up everything they need, on a machine with Python 3.10 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SOURCES := $(wildcard pyproject.toml maskaug/*.py masktheface_wrapper/*.py augment/*.py review_ui/* train/* assets/*.py assets/*/*)

.PHONY: demo test lint types format clean

demo: $(VENV)/.installed
	rm -rf .demo
	$(BIN)/python tests/astronaut.py .demo/faces
	$(BIN)/maskaug generate .demo/faces .demo/masked
	$(BIN)/maskaug train .demo/masked --out .demo/run --arch resnet18 --wandb disabled --cache .demo/cache \
	  --set size=64 --set epochs=12 --set batch_size=16 --set lr=0.001
	$(BIN)/maskaug predict .demo/run .demo/masked/val --draw .demo/predictions
	$(BIN)/maskaug predict .demo/masked/val --draw .demo/bundled
	@echo "Look at .demo/masked/contact_sheet.png, .demo/run/report.html, .demo/predictions (by the run) and .demo/bundled"

test: lint types
	$(BIN)/pytest -n auto

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

# From inside the strict installation: from here, Python would take the folder maskaug/ for the whole package.
types: $(VENV)/.installed
	cd build/__editable__.* && ../../$(BIN)/mypy --config-file ../../pyproject.toml --cache-dir ../../.mypy_cache -p maskaug
	cd benchmarks && ../$(BIN)/mypy --config-file ../pyproject.toml --cache-dir ../.mypy_cache *.py

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Strict mode links each file into the installation, so that mypy sees maskaug.* as a user's does.
# Albumentations comes without its dependency opencv-python-headless, which would overwrite the files of opencv-python.
$(VENV)/.installed: $(SOURCES)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	rm -rf build
	$(BIN)/python -m pip install --quiet --editable '.[dev]' --config-settings editable_mode=strict
	$(BIN)/python -m pip install --quiet --no-deps albumentations==2.0.8 albucore==0.0.24 stringzilla simsimd
	touch $@

clean:
	rm -rf $(VENV) .demo build *.egg-info

# Draw the standard template pack anew, from outside this folder for the reason above.
.PHONY: templates
templates: $(VENV)/.installed
	cd build && ../$(BIN)/python -m maskaug.assets.draw $(CURDIR)/assets/standard
