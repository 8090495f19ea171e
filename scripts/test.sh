#!/usr/bin/env bash
# Runs everything that must hold before a merge, also after a failure; the last line is "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
export CARGO_TERM_COLOR=never

logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
passed=0
failed=0
failures=()

# step KIND TITLE COMMAND…   KIND is "check" (counts as one test) or "tests" (counts what cargo test reports).
step() {
    local kind=$1 title=$2 begun=$SECONDS status outcome=ok
    shift 2
    printf '\n=== %s\n' "$title"
    "$@" 2>&1 | tee "$logs/step"
    status=${PIPESTATUS[0]}
    if [ "$kind" = tests ]; then count_tests "$status" || status=1; else count_check "$status"; fi
    if [ "$status" -ne 0 ]; then
        outcome=FAILED
        failures+=("$title: $*")
        grep -E '^test .* \.\.\. FAILED$' "$logs/step" | sed 's/^test /    /' >>"$logs/failed_tests"
    fi
    printf '=== %s: %s, %d s\n' "$title" "$outcome" $((SECONDS - begun))
}

count_check() {
    if [ "$1" -eq 0 ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# Adds the sums of all "test result:" lines; a run that failed otherwise, or ran nothing, is one failure.
count_tests() {
    local ok bad
    read -r ok bad < <(grep -oE 'test result: [A-Za-z]+\. [0-9]+ passed; [0-9]+ failed' "$logs/step" |
        awk '{ ok += $4; bad += $6 } END { print ok + 0, bad + 0 }')
    if [ "$bad" -eq 0 ] && { [ "$1" -ne 0 ] || [ "$ok" -eq 0 ]; }; then bad=1; fi
    passed=$((passed + ok))
    failed=$((failed + bad))
    [ "$bad" -eq 0 ]
}

step check "Test tools" scripts/install-test-tools.sh
step check "Format" cargo fmt --all --check
step check "Tree" scripts/check-tree.sh
step check "Supply chain" scripts/check-supply-chain.sh
step check "Lints" cargo clippy --workspace --all-targets -- -D warnings
step check "Each feature alone" scripts/check-features.sh
step check "API documentation" env RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps
step tests "Tests (unit, integration, documentation)" cargo test --workspace --no-fail-fast
# The other shape, whole: embedded ran above. PostgreSQL with counters in process has no code of its own: its
# database half is tested here, its counters' half there.
step tests "HTTP suites on PostgreSQL and Redis" env SIGNUPFLOW_TEST_DATABASE=postgres SIGNUPFLOW_TEST_REDIS=1 \
    cargo test --workspace --test http --no-fail-fast
# The tests have built the program.
step check "Generated files are fresh" env SIGNUPFLOW=target/debug/signupflow scripts/check-generated.sh
if [ -f fuzz/Cargo.toml ]; then
    step check "Fuzz targets" scripts/fuzz-smoke.sh
fi

printf '\n=== All steps took %d s\n' "$SECONDS"
if [ "${#failures[@]}" -gt 0 ]; then
    printf 'These failed:\n'
    printf '  %s\n' "${failures[@]}"
    sort -u "$logs/failed_tests" 2>/dev/null
fi
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
