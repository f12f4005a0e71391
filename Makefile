# Firstbell: `make run` serves a classroom at http://localhost:8080; `make test` runs everything.

CARGO ?= cargo
NPM ?= npm
# Where Chromium is; tests/setup.sh installs Debian's when there is none.
export CHROMIUM ?= /usr/bin/chromium
# Browser, interop and load tests drive this binary: built once, with the page inside.
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
export FIRSTBELL_BIN ?= $(abspath $(TARGET_DIR)/release/firstbell)

.PHONY: help run trial build loadtest web test setup lint deny check-web test-rust test-web test-load \
	test-interop test-browser screens fuzz bench clean

help: ## What can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 16

run: build ## Build all and serve a classroom at http://localhost:8080
	$(FIRSTBELL_BIN) serve --config config/dev.toml

trial: build ## The same over HTTPS for phones and tablets in this network (port 8443)
	$(FIRSTBELL_BIN) serve --config config/dev.toml --self-signed --listen 0.0.0.0:8443

build: web ## Server (release) with the page inside
	$(CARGO) build --release --bin firstbell

loadtest: ## Load tester (release)
	$(CARGO) build --release -p firstbell-loadtest

web: web/dist/index.html ## The page

web/node_modules: web/package.json web/package-lock.json
	cd web && $(NPM) ci --no-audit --no-fund
	touch $@

web/dist/index.html: web/node_modules $(shell find web/sdk web/classroom -type f \
		-not -path '*/node_modules/*' -not -path '*/dist/*' 2>/dev/null)
	cd web && $(NPM) run build
	touch $@

test: setup lint deny check-web test-web test-rust build test-load test-interop test-browser ## All checks and tests
	@echo "All tests passed."

setup: ## Chromium and the other tools the tests need
	bash tests/setup.sh

lint: ## Formatting and lints of the Rust code
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings

deny: ## Licences, sources and advisories of all dependencies
	bash tests/deny.sh

check-web: web/node_modules ## TypeScript's type check
	cd web && $(NPM) run check

test-rust: ## Unit, property, simulation and attack tests
	$(CARGO) test --workspace

test-web: web/node_modules ## Unit tests of the SDK and the page
	cd web && $(NPM) test

test-load: build ## A short run of the load tester: nothing lost, corrupted or misrouted
	$(CARGO) run --release -p firstbell-loadtest -- join --node-binary $(FIRSTBELL_BIN) \
		--rooms 4 --participants 5 --seconds 8
	$(CARGO) run --release -p firstbell-loadtest -- forward --node-binary $(FIRSTBELL_BIN) --quick
	$(CARGO) run --release -p firstbell-loadtest -- forward --node-binary $(FIRSTBELL_BIN) --quick \
		--spread-shards 2

test-interop: build tests/browser/node_modules ## aiortc with itself and with Chromium
	bash tests/interop/run.sh

test-browser: build loadtest tests/browser/node_modules ## Lessons in Chromium and Firefox
	cd tests/browser && $(NPM) test

tests/browser/node_modules: tests/browser/package.json tests/browser/package-lock.json
	cd tests/browser && $(NPM) ci --no-audit --no-fund
	touch $@

screens: build tests/browser/node_modules ## The pictures of docs/screens, from a node of their own
	bash tests/browser/screens.sh

fuzz: ## Every parser of remote input for SECONDS each (default 60)
	bash fuzz/run.sh $(or $(SECONDS_EACH),60)

bench: ## Criterion benchmarks
	$(CARGO) bench

clean: ## What was built
	$(CARGO) clean
	rm -rf web/dist web/node_modules
