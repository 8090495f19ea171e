#!/usr/bin/env bash
# Checks sources, bans and licences of all dependencies against deny.toml; with cargo-deny when it is installed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

if cargo deny --version >/dev/null 2>&1; then
    cargo deny --offline check bans licenses sources
    exit
fi

# Without it: the same three questions, answered from deny.toml and cargo's own metadata.
list_in_deny_toml() { sed -n "/^$1 = \[/,/^\]/p" deny.toml | grep -oE '^ *(\{ *(crate|name) *= *)?"[^"]+"' | grep -oE '"[^"]+"' | tr -d '"'; }
allowed=$(list_in_deny_toml allow | jq -R . | jq -s .)
banned=$(list_in_deny_toml deny | jq -R . | jq -s .)

# Only what this platform builds, so that nothing else has to be downloaded.
host=$(rustc -vV | sed -n 's/^host: //p')
findings=$(cargo metadata --format-version 1 --filter-platform "$host" | jq -r --argjson allowed "$allowed" --argjson banned "$banned" '
    .packages[]
    | "\(.name) \(.version)" as $id
    | .name as $name
    | (if $banned | any(. == $name) then "\($id): banned" else empty end),
      (if .source == null or (.source | startswith("registry+")) then empty else "\($id): comes from \(.source)" end),
      (if (.license // "" | gsub("[()]"; "") | split(" AND ")
           | all(split(" OR ") | map(split("/")[] | gsub("^ +| +$"; "")) | any(. as $one | $allowed | any(. == $one))))
       then empty else "\($id): licence \(.license // "unknown")" end)') || exit 1

[ -z "$findings" ] && { echo "sources, bans and licences are as deny.toml wants them (cargo-deny is not installed)"; exit 0; }
printf '%s\n' "$findings"
exit 1
