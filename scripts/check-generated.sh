#!/usr/bin/env bash
# Compares each generated file with what its command prints today; with --write it refreshes them instead.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
mode=${1:-}
failed=0
fresh=0

# generated FILE COMMAND…
generated() {
    local file=$1 new
    shift
    new=$(mktemp)
    if ! "$@" >"$new"; then
        echo "FAILED  $file: \`$*\` does not run"
        failed=1
    elif cmp -s "$new" "$file"; then
        fresh=$((fresh + 1))
    elif [ "$mode" = --write ]; then
        mkdir -p "$(dirname "$file")" && cat "$new" >"$file" && echo "wrote   $file"
    else
        echo "FAILED  $file is stale; refresh it with: scripts/check-generated.sh --write"
        diff -u --label "$file" --label "$*" "$file" "$new" | head -n 20
        failed=1
    fi
    rm -f "$new"
}

# SIGNUPFLOW names a program that is built already.
read -ra program <<<"${SIGNUPFLOW:-cargo run -q -p signupflow --}"

# The list: one line per generated file.
generated docs/openapi.json "${program[@]}" openapi
generated docs/audit-events.md "${program[@]}" audit-events
generated docs/promises.md scripts/promises.sh

echo "$fresh generated files are fresh"
exit "$failed"
