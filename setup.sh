#!/usr/bin/env bash
# Installs what this workspace needs beside a Rust toolchain: a C compiler, `just`, and for one test valgrind. Needs
# Debian or its like to install the compiler; elsewhere it says what is missing. Safe to run again; says nothing where
# all is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

say() { printf 'setup: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

apt_install() {
    has apt-get || fail "$1 is missing and there is no apt-get: install it with your system's package manager"
    local as_root=()
    if [ "$(id -u)" -ne 0 ]; then
        has sudo || fail "$1 is missing: run 'apt-get install $1' as root"
        as_root=(sudo)
    fi
    say "installing $1"
    # Package lists are refreshed only if the old ones do not serve.
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2 || {
        "${as_root[@]}" apt-get update >&2 \
            && "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" >&2
    } || fail "apt-get could not install $1"
}

# 1. Rust, as rust-toolchain.toml names it.
if ! has cargo; then
    [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ] \
        && fail "cargo is installed but not on PATH: run '. \"${CARGO_HOME:-$HOME/.cargo}/env\"' and try again"
    fail "there is no cargo: install a Rust toolchain first (https://rustup.rs)"
fi
if ! cargo --version >/dev/null 2>&1; then
    has rustup || fail "'cargo --version' fails: $(cargo --version 2>&1 | tail -n 1)"
    say "installing the Rust toolchain of rust-toolchain.toml"
    rustup toolchain install >&2 || fail "rustup could not install the toolchain that rust-toolchain.toml names"
fi
wanted=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' Cargo.toml)
found=$(cargo --version | cut -d ' ' -f 2 | cut -d - -f 1)
[ "$(printf '%s\n' "$wanted" "$found" | sort -V | head -n 1)" = "$wanted" ] \
    || fail "cargo is $found, but this workspace needs Rust $wanted or later: 'rustup toolchain install' gets it"

# 2. A C compiler: rustc links with it, and the compression of Parquet files is C.
if ! has cc; then
    apt_install gcc libc6-dev
fi

# 3. just: Debian has it from release 13 on; elsewhere cargo builds it, in about two minutes.
if ! has just; then
    if has apt-cache && [ -n "$(apt-cache show just 2>/dev/null)" ]; then
        apt_install just
    else
        say "building just"
        # Into a folder on PATH: where cargo's programs go, or else /usr/local.
        bin=${CARGO_HOME:-$HOME/.cargo}/bin
        root=()
        if [[ ":$PATH:" != *":$bin:"* && ":$PATH:" == *":/usr/local/bin:"* && -w /usr/local/bin ]]; then
            root=(--root /usr/local)
        fi
        env -u CARGO_TARGET_DIR cargo install just --locked "${root[@]}" >&2 || fail "cargo could not install just"
        hash -r
        has just || fail "just is now in $bin, which is not on PATH: run 'export PATH=\"$bin:\$PATH\"' and try again"
    fi
fi

# 4. valgrind counts instructions in one test, which is skipped without it: not worth failing for.
if ! has valgrind && has apt-get; then
    (apt_install valgrind) || say "valgrind could not be installed: the test of instruction counts will be skipped"
fi

# npm is not installed: it is asked for MNIST only where the HTTPS mirrors cannot be reached, and the message that `rbm`
# then prints says so. rustfmt and clippy come with the toolchain; only `just check` needs them.
