# `make up` is the product in one command; `make help` lists the rest.
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/sh

# Node 24 comes with the npm packages and runs TypeScript itself. Tools find it first on the PATH.
BIN := node_modules/.bin
NODE := $(BIN)/node
export PATH := $(CURDIR)/$(BIN):$(PATH)
# Compiled modules are kept: every command and every run of the program starts in half the time.
export NODE_COMPILE_CACHE := $(CURDIR)/node_modules/.cache/compile
# A lab command ends with make, even when make is killed.
LAB := setpriv --pdeathsig KILL $(NODE) lab/cli.ts

# ENGINE=builtin|pulumi and PROFILE=hosts|kubernetes|full of `up` and `preview`.
RUN_OPTIONS = $(if $(ENGINE),--engine $(ENGINE)) $(if $(PROFILE),--profile $(PROFILE))

# What the lab runs on this machine, and what only the tests need.
LAB_PACKAGES := systemd-container mmdebstrap apt-utils gpg gpgconf gpg-agent debian-archive-keyring nftables iproute2 haproxy openssh-client util-linux libcap2-bin python3-pip
TEST_PACKAGES := shellcheck openssl openssh-server haproxy socat

.PHONY: help
help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: up
up: .lab-ready ## Build what is missing, start the lab, deploy the program, show the result
	@$(LAB) up $(RUN_OPTIONS)

.PHONY: down
down: .program-ready ## Switch the lab off; disks and state stay in .lab
	@$(LAB) down

.PHONY: reset
reset: .program-ready ## Switch the lab off and forget its disks and state
	@$(LAB) reset

.PHONY: status
status: .program-ready ## Nodes, etcd, Kubernetes, HAProxy and Postgres at a glance
	@$(LAB) status

.PHONY: preview
preview: .program-ready ## Show what `up` would change; touches nothing and runs anywhere
	@$(NODE) lab/cli.ts preview $(RUN_OPTIONS)

.PHONY: check
check: .program-ready ## Format, lint, types, dead code, import direction
	@$(BIN)/biome check --error-on-warnings .
	@$(BIN)/tsc -p .
	@$(BIN)/knip
	@$(BIN)/depcruise --config .dependency-cruiser.cjs --output-type err index.ts exports.ts config plan lib components layers ops lab bench

.PHONY: test
test: .test-ready check ## Checks, unit tests, then real machines in the lab: all but test-changes
	@sh scripts/test.sh node_modules/.cache/test-reports

.PHONY: test-changes
test-changes: .test-ready ## What takes longest: changes of a stack in use, lost servers, the loss of all data
	@$(NODE) scripts/build-lab.ts
	@$(BIN)/vitest run --project changes

.PHONY: faults
faults: .program-ready ## Break nodes of the running lab N=1 times each, and measure what clients see (LAYER=api or postgres)
	@$(LAB) faults $(or $(LAYER),api) --runs $(or $(N),1) $(if $(SEED),--seed $(SEED)) $(if $(FAULT),--fault $(FAULT))

.PHONY: bench
bench: .program-ready ## Measure the running lab: what HAProxy and PgBouncer cost (LAYER=api or postgres)
	@$(LAB) exec $(NODE) bench/$(or $(LAYER),api).ts

.PHONY: load
load: .program-ready ## Eight clients write through the whole path for SECONDS=20; FAULT=kill-postgres ends the leader meanwhile
	@$(LAB) exec $(NODE) bench/load.ts --seconds $(or $(SECONDS),20) $(if $(FAULT),--$(FAULT))

.PHONY: timeline
timeline: .lab-ready ## `up`, and where its time went
	@$(NODE) bench/timeline.ts $(RUN_OPTIONS)

.PHONY: fix
fix: .program-ready ## Format, and fix what can be fixed
	@$(BIN)/biome check --write .

.PHONY: docs
docs: .program-ready ## Rewrite the pages of docs/ that follow from code
	@$(NODE) scripts/docs.ts

.PHONY: golden
golden: .test-ready ## Rewrite the golden files from the code, for review in git diff
	@$(BIN)/vitest run --project unit --update

# --- set-up: each does its work once -----------------------------------------------------------------------------

.PHONY: .program-ready
.program-ready:
	@sh scripts/preflight.sh program
	@$(MAKE) -s --no-print-directory node_modules/.package-lock.json

.PHONY: .lab-ready
.lab-ready:
	@sh scripts/preflight.sh lab
	@$(MAKE) -s --no-print-directory node_modules/.package-lock.json
	@sh scripts/debian-packages.sh $(LAB_PACKAGES)

.PHONY: .test-ready
.test-ready: .lab-ready
	@sh scripts/debian-packages.sh $(TEST_PACKAGES)

# Not `npm ci`: it wants every platform's optional package in the lock file, and not every registry has them all.
# With --no-save, npm installs what the lock file says and leaves the file alone.
node_modules/.package-lock.json: package.json package-lock.json
	@echo 'Installing npm packages' >&2
	@npm install --no-save --no-audit --no-fund --loglevel=error
	@touch $@
