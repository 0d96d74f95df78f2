# make run   installs everything into .venv and opens the demo centre
# make test  installs what the tests need and runs all that CI runs
PYTHON ?= python3.11
UV := .venv/bin/uv
# What must be covered to the last branch, and its tests.
COVERED := tests/kernel tests/sip tests/fuzz tests/planning $(addprefix tests/simulator/test_,\
	cluster.py equal_executions.py figures.py interpreted.py model.py parts.py plots.py simulate.py sources.py \
	worked_numbers.py) \
	tests/simulator/paper
FUZZ_S := 60
APT_TEST := chromium gettext postgresql sip-tester espeak-ng sox

.PHONY: run test check fuzz test-long bench install install-dev prompts apt-test format

run: install
	.venv/bin/marhaba demo

install: .venv/.installed
.venv/.uv:
	$(PYTHON) -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check "uv>=0.8"
	touch $@
CATALOGUES := $(wildcard src/marhaba/web/locale/*/LC_MESSAGES/django.po)
.venv/.installed: .venv/.uv pyproject.toml uv.lock hatch_build.py $(CATALOGUES)
	VIRTUAL_ENV=.venv $(UV) sync --quiet --frozen --no-default-groups --inexact --reinstall-package marhaba
	touch $@

install-dev: .venv/.installed-dev
.venv/.installed-dev: .venv/.installed
	VIRTUAL_ENV=.venv $(UV) sync --quiet --frozen --group dev --group peers --extra postgresql --extra ray --inexact
	touch $@

apt-test:
	@missing=""; for p in $(APT_TEST); do dpkg -s $$p >/dev/null 2>&1 || missing="$$missing $$p"; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if [ "$$(id -u)" = 0 ]; then apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing; \
	else echo "The tests need these Debian packages:$$missing"; echo "Install them with: sudo apt-get install$$missing"; exit 1; fi

check: install-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/pytest -q -m "not journey and not long"

test: apt-test install-dev
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	.venv/bin/coverage run -m pytest -m "not long" $(COVERED)
	.venv/bin/coverage report
	.venv/bin/pytest -m "not long" $(COVERED:%=--ignore=%)
	.venv/bin/python -m tests.web.postgresql .venv/bin/pytest tests/web --ignore=tests/web/browser

# Looks for input that the SIP parsers or the endpoint choke on: FUZZ_S seconds for each target.
fuzz: install-dev
	VIRTUAL_ENV=.venv $(UV) sync --quiet --frozen --group fuzz --inexact
	@for target in message uri sdp stream digest endpoint; do .venv/bin/python -m tests.fuzz.fuzz $$target $(FUZZ_S) || exit 1; done

test-long: apt-test install-dev
	.venv/bin/pytest

bench: install-dev
	@for name in routing simulator rehearsal start media floor; do .venv/bin/marhaba bench $$name --json; done

format: install-dev
	.venv/bin/ruff check --fix .
	.venv/bin/ruff format .

prompts: apt-test install-dev
	.venv/bin/python scripts/make_prompts.py
	.venv/bin/python scripts/make_music.py
