.DEFAULT_GOAL := help
.PHONY: help run test test-security lint docs fuzz-smoke bench soak

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Build and start the server on http://127.0.0.1:8000, embedded: nothing else is needed
	cargo run -p signupflow -- serve

test: ## Everything that must hold before a merge; installs missing test servers when root
	scripts/test.sh

test-security: ## Only the attack suite (attack_*.rs below crates/signupflow/tests)
	scripts/install-test-tools.sh
	cargo test -p signupflow --test '*' attack_

lint: ## Format, clippy and the rules for the tree
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	scripts/check-tree.sh

docs: ## API documentation of the crates into target/doc
	cargo doc --workspace --no-deps

fuzz-smoke: ## Run each fuzz target for a few seconds (FUZZ_SECONDS=3)
	scripts/fuzz-smoke.sh

bench: ## Measure against a bare axum handler, both shapes; needs wrk, the machine otherwise idle (ARGS=--help)
	PYTHONPATH=bench python3 -m measure $(ARGS)

soak: ## Fault tests for hours, full disk, out of memory, fail-over …; some parts need root (ARGS=--help)
	PYTHONPATH=bench python3 -m soak $(ARGS)
