#!/usr/bin/env bash
# Firstbell against aiortc, a WebRTC implementation that shares no code with a browser's or ours:
# two of its peers with each other, then one with Chromium. Needs a built node (FIRSTBELL_BIN or
# target/), Python with venv, Node.js and Chromium. The virtual environment is kept between runs.
set -euo pipefail
if [[ -n "${FIRSTBELL_BIN:-}" ]]; then
    FIRSTBELL_BIN="$(realpath "$FIRSTBELL_BIN")"
    export FIRSTBELL_BIN
fi
cd "$(dirname "${BASH_SOURCE[0]}")"

export CARGO_TARGET_DIR
CARGO_TARGET_DIR="$(cd ../.. && realpath -m "${CARGO_TARGET_DIR:-target}")"
venv="$CARGO_TARGET_DIR/interop-venv"
# Written last: a broken install is done again.
stamp="$venv/requirements.txt"

if ! cmp -s requirements.txt "$stamp"; then
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: \
        -r requirements.txt
    cp requirements.txt "$stamp"
fi
[[ -d ../browser/node_modules ]] || (cd ../browser && npm ci --no-audit --no-fund)

export FIRSTBELL_INTEROP_PYTHON="$venv/bin/python"
# Both run, so that one report shows everything that is wrong.
status=0
"$FIRSTBELL_INTEROP_PYTHON" -B -m unittest -v || status=1
node --test ./*.test.mjs || status=1
exit "$status"
