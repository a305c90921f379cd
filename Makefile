# `make lab` opens the course, `make test` runs every check. Both set up .venv first if there is none.
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
  $$p -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
READY := .venv/ready
LESSONS := $(sort $(wildcard notebooks/*.ipynb))
QUIET := TQDM_DISABLE=1 PYDEVD_DISABLE_FILE_VALIDATION=1

.PHONY: lab test lint pytest nbval browser notebooks site results clean

lab: $(READY)
	$(BIN)/jupyter lab --notebook-dir=notebooks $(if $(filter 0,$(shell id -u)),--allow-root)

# One after the other, also under make -j: each keeps all cores busy.
test:
	$(MAKE) lint
	$(MAKE) pytest
	$(MAKE) nbval
	$(MAKE) browser

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/ty check --python $(BIN)/python

# One thread a worker: small tasks gain little from two, and workers would fight over them.
pytest: $(READY)
	OMP_NUM_THREADS=1 $(QUIET) $(BIN)/python -m pytest tests --ignore=tests/browser -q -n 2 --dist loadscope --durations=8

nbval: $(READY)
	OMP_NUM_THREADS=1 METALEARN_PROFILE=fast $(QUIET) $(BIN)/python -m pytest notebooks --ignore=notebooks/homework -q \
	  --nbval-lax --nbval-sanitize-with tests/nbval.cfg -n 2 --dist loadscope -o filterwarnings=default --durations=4

# JupyterLab in the system's Chromium; without one these tests skip, with METALEARN_BROWSER=required they fail.
# METALEARN_SCREENSHOTS=folder keeps pictures of the widgets.
browser: $(READY)
	$(BIN)/python -m pytest tests/browser -q -rs --durations=8

# Run the lessons in order and keep their outputs, in the profile of the environment (laptop by default).
notebooks: $(READY)
	for lesson in $(LESSONS); do \
	  $(QUIET) $(BIN)/jupyter nbconvert --to notebook --execute --inplace $$lesson || exit 1; done
	$(BIN)/python tests/notebook_rules.py $(LESSONS)

# The lessons to read and the reference of the package, in docs/_build/html; a warning is an error.
site: $(READY)
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[site]"
	$(BIN)/python -m sphinx -b html -W --keep-going docs docs/_build/html

results: $(READY)
	OMP_NUM_THREADS=1 $(BIN)/python -m metalearn_course reproduce
	OMP_NUM_THREADS=1 $(BIN)/python -m metalearn_course.applications.zero_shot_ledger

$(READY): pyproject.toml constraints.txt
	@test -n "$(PYTHON)" || { echo "Python 3.11, 3.12 or 3.13 is needed, and none was found. Install one, or name it: make lab PYTHON=/path/to/python3.12"; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check -q -c constraints.txt -e ".[test,homework]"
	touch $(READY)

clean:
	rm -rf .venv
