# make setup      what the system needs (Debian): asks for packages, installs what is missing
# make run        builds and starts the server with its sample bots: no configuration needed
# make test       every test, with a real database and a real browser
# make lint       format, clippy, licences and advisories, contracts
# make contracts  writes schemas/ anew from the code; look at the difference before committing it

cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/botserver
export PATH := $(cache)/tools/bin:$(HOME)/.cargo/bin:$(PATH)

.PHONY: setup run test test-ui lint contracts contracts-compare

setup:
	@.ci/setup

# Optimised: the first build takes some minutes longer, but a bot's limits are set for this speed.
run: setup
	@echo "building botserver; the first time takes some minutes"
	cargo run --release --locked -p botserver -- serve

# The database that tests share is stopped also when a test failed. `stop` leaves it to others who still test.
test: setup
	@status=0; \
	cargo test --workspace --locked || status=$$?; \
	cargo run --quiet --locked -p test-database -- stop || status=$$?; \
	exit $$status
	@$(MAKE) --no-print-directory test-ui

test-ui:
	cd api/ui/test && npm ci --no-audit --no-fund && npm test

lint:
	@.ci/setup lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo deny --workspace --locked check
	@$(MAKE) --no-print-directory contracts-compare

contracts:
	BLESS=1 cargo test --locked -p domain --test it contracts
	BLESS=1 cargo test --locked -p api --lib graphql::tests
	BLESS=1 cargo test --locked -p api --test it contracts

contracts-compare:
	cargo test --quiet --locked -p domain --test it contracts
	cargo test --quiet --locked -p api --lib graphql::tests
	cargo test --quiet --locked -p api --test it contracts
