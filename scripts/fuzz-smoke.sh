#!/usr/bin/env bash
# Builds each fuzz target with coverage on the stable compiler and runs it for FUZZ_SECONDS (3) seconds.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
[ -f fuzz/Cargo.toml ] || { echo "there are no fuzz targets in this tree"; exit 0; }

# What libFuzzer needs to be guided; the sanitisers themselves would need a nightly compiler.
passes="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4"
passes="$passes -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table"
# An explicit target keeps these flags away from build scripts and procedural macros.
host=$(rustc -vV | sed -n 's/^host: //p')
build=(cargo build -q --manifest-path fuzz/Cargo.toml --target-dir fuzz/target --target "$host" --bins)
RUSTFLAGS="$passes --cfg fuzzing" "${build[@]}" || exit 1

targets=$(cargo metadata --no-deps --format-version 1 --manifest-path fuzz/Cargo.toml |
    jq -r '.packages[].targets[] | select(.kind == ["bin"]) | .name') || exit 1
failed=0
for target in $targets; do
    corpus=$(mktemp -d)
    [ -d "fuzz/seeds/$target" ] && cp -r "fuzz/seeds/$target/." "$corpus"
    mkdir -p "fuzz/artifacts/$target"
    if "fuzz/target/$host/debug/$target" "$corpus" -max_total_time="${FUZZ_SECONDS:-3}" -timeout=10 \
        -artifact_prefix="fuzz/artifacts/$target/" >"$corpus.log" 2>&1; then
        echo "ok      $target: $(grep -oE 'Done [0-9]+ runs.*' "$corpus.log" | tail -n 1)"
    else
        echo "FAILED  $target"
        tail -n 30 "$corpus.log"
        failed=1
    fi
    rm -rf "$corpus" "$corpus.log"
done
exit "$failed"
