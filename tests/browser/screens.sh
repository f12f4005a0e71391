#!/usr/bin/env bash
# Starts a node in development mode on a port of its own, takes the pictures, stops it.
#   tests/browser/screens.sh [folder] [--all]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

port=18080
node_log=$(mktemp)
FIRSTBELL_HTTP__LISTEN=127.0.0.1:$port FIRSTBELL_MEDIA__BASE_PORT=0 FIRSTBELL_DEV__ENABLED=true \
    "${FIRSTBELL_BIN:-../../target/release/firstbell}" serve >"$node_log" 2>&1 &
node=$!
trap 'kill $node 2>/dev/null || true; rm -f "$node_log"' EXIT
for _ in $(seq 100); do
    grep -q "Firstbell serves" "$node_log" && break
    sleep 0.1
done
grep -q "Firstbell serves" "$node_log" || {
    cat "$node_log" >&2
    exit 1
}
FIRSTBELL_URL=http://localhost:$port node screens.mjs "$@"
FIRSTBELL_URL=http://localhost:$port node screens-pages.mjs "$@"
