#!/usr/bin/env bash
# Builds each fuzz target with coverage on the stable compiler and runs it for FUZZ_SECONDS (3) seconds.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
[ -f fuzz/Cargo.toml ] || { echo "there are no fuzz targets in this tree"; exit 0; }

RUSTC_WORKSPACE_WRAPPER="$PWD/scripts/with-coverage.sh" cargo build -q -p signupflow-fuzz --bins || exit 1

targets=$(cargo metadata --no-deps --format-version 1 |
    jq -r '.packages[] | select(.name == "signupflow-fuzz") | .targets[] | select(.kind == ["bin"]) | .name') || exit 1
failed=0
for target in $targets; do
    corpus=$(mktemp -d)
    [ -d "fuzz/seeds/$target" ] && cp -r "fuzz/seeds/$target/." "$corpus"
    mkdir -p "fuzz/artifacts/$target"
    if "target/debug/$target" "$corpus" -max_total_time="${FUZZ_SECONDS:-3}" -timeout=10 \
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
