# Everything a person needs. One profile (release) for building and testing, so that dependencies compile once.
# CARGO_TARGET_DIR is honoured. `cargo run` prints to stderr only and is replaced by `rbm`, which thus gets Ctrl-C itself.

set positional-arguments

# Cargo features beside the default ones, separated by commas: RBM_FEATURES=wgpu just backends configs/quick.toml
features := if env("RBM_FEATURES", "") == "" { "" } else { "--features " + env("RBM_FEATURES") }
rbm := "cargo run --release --bin rbm " + features + " --"

# List these commands
default:
    @{{just_executable()}} --list --unsorted

# Train every cell of a config and write its report: just sweep configs/mnist.toml
[no-exit-message]
sweep config *args:
    @exec {{rbm}} sweep "$@"

# Train the one cell of a config without a [sweep]: just train configs/quick.toml
[no-exit-message]
train config *args:
    @exec {{rbm}} train "$@"

# Write a sweep's report anew from its files: just report results/NAME-HASH
[no-exit-message]
report dir *args:
    @exec {{rbm}} report "$@"

# Show where sweeps and their cells stand
[no-exit-message]
status *args:
    @exec {{rbm}} status "$@"

# Compare backends, kernels and threads on a config: RBM_FEATURES=wgpu just backends configs/quick.toml
[no-exit-message]
backends config *args:
    @exec {{rbm}} backends "$@"

# Test the article's claims one by one, in minutes: just reproduce; just reproduce bias-of-k listing
[no-exit-message]
reproduce *args:
    @exec {{rbm}} reproduce "$@"

# Test every claim at full size, the papers' too: little more than an hour on two cores; what is done is not computed again
[no-exit-message]
reproduce-full *args:
    @exec {{rbm}} reproduce --profile full "$@"

# Copy verdicts and figures of the full profile to results/reference/reproduce, and the verdicts into the READMEs
[no-exit-message]
verdicts *args:
    @exec {{rbm}} reproduce --profile full --publish results/reference/reproduce "$@"

# Run all tests; with words, those of `cargo test` that they pick
test *args:
    #!/usr/bin/env bash
    set -euo pipefail
    if [ $# -eq 0 ]; then
        # Those that need faults in the program, first: what is built last is the program without them.
        cargo test --release --workspace {{features}} --features failpoints --test faults
    fi
    cargo test --release --workspace {{features}} "$@"

# Check what a change must pass: format, clippy as errors, docs, tests, licences of dependencies
check: _format _clippy _docs test _deny

# Format the code
fmt:
    cargo fmt --all

# Run the benchmarks; a word picks those that contain it: just bench cd1
bench *args:
    cargo bench --workspace --bench '*' -- "$@"

# Compare with PyTorch, scikit-learn, rbms and numpy on the same work: just bench-peers cd1-500-b100
bench-peers *args:
    cargo build --release --workspace --bin rbm --example ais
    python3 benches/peers/compare.py "$@"

# Take the fused step on the processor in parts of the peak of products of matrices: RBM_ISA=avx2 just bench-step 2
bench-step *args:
    cargo run --release --workspace --example fused_step -- "$@"

# Measure what a sweep costs beside training: just bench-sweep --cells 20
bench-sweep *args:
    cargo build --release --bin rbm
    python3 benches/sweep_overhead.py "$@"

# Hold instruction counts against benches/instructions.toml; --accept writes them anew
instructions *args:
    RBM_REQUIRE_VALGRIND=1 cargo test --release --workspace --test instruction_counts -- "$@"

# Build the library's documentation; `just doc --open` shows it
doc *args:
    cargo doc --release --no-deps --workspace "$@"

_format:
    cargo fmt --all --check

_clippy:
    cargo clippy --release --workspace --all-targets {{features}} --features failpoints -- -D warnings

_docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --release --no-deps --workspace

_deny:
    #!/usr/bin/env bash
    set -euo pipefail
    if ! command -v cargo-deny >/dev/null; then
        echo "SKIPPED cargo deny: it is not installed (cargo install cargo-deny --locked)" >&2
        exit 0
    fi
    cargo deny check bans licenses sources
    if cargo deny fetch db; then
        cargo deny check advisories
    else
        echo "SKIPPED cargo deny check advisories: the advisory database cannot be fetched" >&2
    fi
