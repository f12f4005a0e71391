#!/usr/bin/env bash
# Installs what `make test` needs and a fresh Debian with Rust and Node does not have.
# Does nothing where everything is there. Needs root (or sudo) only when something is missing.
set -euo pipefail

missing=()
command -v "${CHROMIUM:-/usr/bin/chromium}" >/dev/null || missing+=(chromium)
command -v firefox-esr >/dev/null || missing+=(firefox-esr)
python3 -c 'import venv, ensurepip' 2>/dev/null || missing+=(python3-venv)
command -v cc >/dev/null || missing+=(gcc libc6-dev)

if ((${#missing[@]})); then
    echo "Installing for the tests: ${missing[*]}"
    as_root=()
    if ((EUID != 0)); then as_root=(sudo); fi
    export DEBIAN_FRONTEND=noninteractive
    "${as_root[@]}" apt-get update -qq
    "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}"
fi

rustup component add clippy rustfmt >/dev/null 2>&1 || {
    # Toolchains that cannot fetch components often have them already.
    cargo clippy --version >/dev/null && cargo fmt --version >/dev/null
}
