#!/usr/bin/env bash
# Stands between cargo and rustc (RUSTC_WORKSPACE_WRAPPER): compiles the crates whose parsers are fuzzed with what
# libFuzzer needs to be guided. All other crates are those of the tests, and need not be built again. The sanitisers
# themselves would need a nightly compiler.
set -euo pipefail
case " $* " in
    *" --crate-name hardening "* | *" --crate-name signupflow "*)
        exec "$@" --cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table
        ;;
    *) exec "$@" ;;
esac
