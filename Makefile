# `make app` and `make test` do all their set-up on a fresh machine and are quick the second time.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
PORT ?= 8501
AXE := 4.14.1

.PHONY: app test check bench

app: $(VENV)/.done
	$(RUN) -m alcore serve --port $(PORT)

test: $(VENV)/.done
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	OMP_NUM_THREADS=1 $(RUN) -m pytest -n auto --dist loadfile

check: test

bench: $(VENV)/.done
	$(RUN) -m benchmarks all

$(VENV)/.done: requirements.txt
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check -r requirements.txt
	if command -v npm >/dev/null; then npm install --silent --no-save --prefix $(VENV)/axe axe-core@$(AXE); fi
	touch $@
