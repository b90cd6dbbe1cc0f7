# `make app` and `make test` do all their set-up on a fresh machine and are quick the second time.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PORT ?= 8501
AXE := 4.14.1
TYPESCRIPT := 7.0.2
NODE := $(VENV)/node

.PHONY: app test check bench docs

app: $(VENV)/.done
	$(RUN) -m alcore serve --port $(PORT)

test: $(VENV)/.done
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	if [ -x $(NODE)/node_modules/.bin/tsc ]; then $(NODE)/node_modules/.bin/tsc -p alcore/browser; else echo "no npm: the types of alcore/browser are not checked"; fi
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist loadfile

check: test

bench: $(VENV)/.done
	$(RUN) -m benchmarks all

docs: $(VENV)/.done
	$(RUN) -m docs

# The two packages of node are for tests alone: axe-core asks whether a page can be used, TypeScript checks the types of alcore/browser.
$(VENV)/.done: requirements.txt Makefile
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	if command -v npm >/dev/null; then npm install --silent --no-save --prefix $(NODE) axe-core@$(AXE) typescript@$(TYPESCRIPT); fi
	touch $@
