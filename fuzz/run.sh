#!/bin/sh
# Builds and runs fuzz targets, each for SECONDS, from the committed seeds and what earlier runs
# found interesting. Fails on the first finding.
#
#   fuzz/run.sh SECONDS [TARGET...]        all targets when none is named
#
# It needs no nightly and no cargo-fuzz: the flags below are what cargo-fuzz passes, and
# RUSTC_BOOTSTRAP=1 lets a stable compiler take them. `cargo +nightly fuzz run TARGET` works too.
set -eu

if [ $# -lt 1 ]; then
    sed -n 's/^# \{0,1\}//; 2,6p' "$0" >&2
    exit 2
fi
seconds=$1
shift
cd "$(dirname "$0")"
[ $# -gt 0 ] || set -- $(cd fuzz_targets && ls ./*.rs | sed 's,^\./,,; s,\.rs$,,')

triple=$(rustc -vV | sed -n 's/^host: //p')
target_dir=${CARGO_TARGET_DIR:-target}
bins=
for target in "$@"; do
    bins="$bins --bin $target"
done
# shellcheck disable=SC2086
RUSTC_BOOTSTRAP=1 RUSTFLAGS="--cfg fuzzing -Zsanitizer=address -Cdebug-assertions \
-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares" \
    cargo build --release --target "$triple" $bins

for target in "$@"; do
    # Longest inputs: a datagram as the sockets read it, a text as the parsers bound it, or the
    # history of a subscriber.
    case $target in
        sdp | message | congestion) max_len=16384 ;;
        *) max_len=1500 ;;
    esac
    # Real browsers' offers serve the unit tests as well.
    case $target in
        sdp) seeds=../tests/fixtures/sdp-offers ;;
        *) seeds=seeds/$target ;;
    esac
    mkdir -p "corpus/$target" "artifacts/$target"
    echo "== $target, $seconds s"
    "$target_dir/$triple/release/$target" "corpus/$target" "$seeds" \
        -max_total_time="$seconds" -max_len="$max_len" -timeout=10 -rss_limit_mb=1024 \
        -malloc_limit_mb=64 -artifact_prefix="artifacts/$target/" -print_final_stats=1 \
        2>"artifacts/$target.log" || {
        tail -60 "artifacts/$target.log" >&2
        echo "finding in $target, see fuzz/artifacts/$target*" >&2
        exit 1
    }
    sed -n 's/^stat::number_of_executed_units: */executions: /p
            s/^stat::peak_rss_mb: */peak memory, MB: /p' "artifacts/$target.log"
    grep -E '^#[0-9]+.*DONE' "artifacts/$target.log" || true
done
echo "no finding"
