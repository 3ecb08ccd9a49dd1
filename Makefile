# The commands of a clone. `make start` on a fresh Debian 12 machine, as root, runs the tutorials' hello-world.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help install packages start test stop delete seeds schemathesis

N ?= 100
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
DEBIAN := ca-certificates python3-venv containerd runc containernetworking-plugins nftables tini busybox-static bash-static \
	nginx-light wget curl conntrack iproute2 procps etcd-server
# The tests open the dashboard in a browser.
DEBIAN_TEST := chromium

help:
	@echo 'make start    install what is missing, start a cluster, run hello-world on it'
	@echo 'make test     install what is missing, run all tests'
	@echo 'make seeds    run the simulated cluster with N=$(N) seeds'
	@echo 'make schemathesis  ask each operation of the served OpenAPI N=20 times what it allows, and what not'
	@echo 'make stop     stop the cluster; make delete  delete it with all it made'

# Without root and apt-get there is nothing to install: pods are then only pretended.
packages:
	@tools/install-packages $(DEBIAN)

$(STAMP): pyproject.toml
	@tools/install-venv $(VENV) $(PYTHON)
	@touch $@

install: packages $(STAMP)

start: install
	@$(VENV)/bin/navarch start
	@tools/hello-world $(VENV)/bin/navarch

test: install
	@tools/install-packages $(DEBIAN_TEST)
	@$(VENV)/bin/python -m pytest

seeds: $(STAMP)
	@NAVARCH_SEEDS=$(N) $(VENV)/bin/python -m pytest tests/sim

schemathesis: $(STAMP)
	@NAVARCH_EXAMPLES=$(or $(filter-out 100,$(N)),20) $(VENV)/bin/python -m pytest tests/server/generated/test_schemathesis.py

stop:
	@$(VENV)/bin/navarch stop

delete:
	@$(VENV)/bin/navarch delete --all --purge
	@rm -f /usr/local/bin/navarch 2>/dev/null || true
