#!/usr/bin/env bash
# Checks that every feature of the layers' crate compiles alone, that none does, and that all do together.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
crate=hardening-tower

features=$(cargo metadata --no-deps --format-version 1 |
    jq -r --arg crate "$crate" '.packages[] | select(.name == $crate) | .features | keys[] | select(. != "default")') || exit 1

failed=0
check() {
    echo "cargo check -p $crate $*"
    RUSTFLAGS="${RUSTFLAGS:-} -D warnings" cargo check -q -p "$crate" "$@" || failed=1
}

# Other flags mean other artefacts: a folder of its own spares the main one a rebuild.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-target}/features"
check --no-default-features
for feature in $features; do
    check --no-default-features --features "$feature"
done
check --all-features --all-targets
exit "$failed"
