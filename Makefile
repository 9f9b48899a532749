# make setup      what the system needs (Debian): asks for packages, installs what is missing
# make run        builds and starts the server with its sample bots: no configuration needed
# make test       every test, with a real database and a real browser
# make lint       format, clippy, licences and advisories, contracts
# make bench      compares with plain PostgreSQL and measures the server: tables, and raw samples under target/ (ARGUMENTS="--only feed")
# make fuzz       ten minutes of inputs that nobody thought of for each target (SECONDS=60 ARGUMENTS="machine --seed 1"); findings go to infra/fuzz/corpus
# make libtorch   fetches what the inference worker computes with; make setup does it too (CUDA=1: for GPUs, 2.3 GB)
# make worker     builds and starts the inference worker with a small model on port 8600 (CUDA=1: on the GPUs)
# make contracts  writes schemas/ anew from the code; look at the difference before committing it

cache := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/botserver
export PATH := $(cache)/tools/bin:$(HOME)/.cargo/bin:$(PATH)
# Of another libtorch 2.11 this names the folder, which holds include and lib.
libtorch := $(if $(filter 1,$(CUDA)),libtorch-cuda/torch,libtorch)
export LIBTORCH ?= $(cache)/tools/$(libtorch)
# Threads that compute together hardly spin while they wait: tests run beside each other.
export GOMP_SPINCOUNT ?= 1000

.PHONY: setup run libtorch worker test test-ui lint bench fuzz contracts contracts-compare

setup:
	@.ci/setup

# Optimised: the first build takes some minutes longer, but a bot's limits are set for this speed.
run:
	@.ci/setup run
	@echo "building botserver; the first time takes some minutes"
	cargo run --release --locked -p botserver -- serve

libtorch:
	@.ci/libtorch

worker: libtorch
	@.ci/minilm
	@echo "building inference-worker; the first time takes some minutes"
	cargo build --release --locked -p inference
	cd "$(cache)/tools" && "$(abspath $(or $(CARGO_TARGET_DIR),target))/release/inference-worker" \
	  serve --config "$(CURDIR)/infra/inference/samples/minilm.toml" $(ARGUMENTS)

# The database that tests share is stopped also when a test failed. `stop` leaves it to others who still test.
test: setup
	@status=0; \
	cargo test --workspace --locked --no-fail-fast || status=$$?; \
	"$${CARGO_TARGET_DIR:-target}/debug/test-database" stop || status=$$?; \
	exit $$status
	@$(MAKE) --no-print-directory test-ui

test-ui:
	cd api/ui/test && npm ci --no-audit --no-fund && npm test

lint:
	@.ci/setup lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets --locked -- -D warnings
	cargo deny --workspace --locked check licenses bans sources
	@.ci/advisories
	@$(MAKE) --no-print-directory contracts-compare

bench:
	@.ci/setup bench
	@.ci/libtorch
	@.ci/minilm
	cargo build --release --locked -p botserver -p bench -p inference
	$(or $(CARGO_TARGET_DIR),target)/release/bench $(ARGUMENTS)

# The compiler counts which places are reached in what is fuzzed, and only there.
fuzz: setup
	RUSTC_WORKSPACE_WRAPPER="$(CURDIR)/infra/fuzz/rustc" \
	  cargo run --locked -p fuzz -- --seconds $(or $(SECONDS),600) $(ARGUMENTS)

# The whole workspace is selected, as in `make test`: a selection of its own would build every dependency again.
contracts:
	BLESS=1 cargo test --workspace --locked -- contracts graphql::tests reference::

contracts-compare:
	cargo test --quiet --workspace --locked -- contracts graphql::tests reference::
