#!/usr/bin/env bash
# Rules for the tree that no compiler knows: short files, nothing left undone, no unwrap() outside tests,
# no package registry named by its host, scripts that can run.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
LONGEST_FILE=300

failed=0
# verdict RULE   reads the findings from standard input
verdict() {
    local findings
    findings=$(cat)
    if [ -z "$findings" ]; then
        echo "ok      $1"
    else
        echo "FAILED  $1"
        printf '%s\n' "$findings" | sed 's/^/            /'
        failed=1
    fi
}

# Tracked files and new ones, without ignored ones; in a copy without git, all.
files() {
    if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
        git ls-files -z --cached --others --exclude-standard -- "$@"
    else
        find . -path ./target -prune -o -type f -printf '%P\0'
    fi | while IFS= read -r -d '' file; do [ -f "$file" ] && printf '%s\0' "$file"; done
}

sources() {
    files 'crates/*/src/*.rs' | grep -zE '^crates/[^/]+/src/.*\.rs$' | grep -zvE '(/tests?|_tests?)(\.rs$|/)|^crates/testkit/src/contracts/'
}

# "path:line:text" for every line before the inline test module.
production_lines() {
    sources | xargs -0 -r awk '
        FNR == 1 { in_tests = 0; held = "" }
        in_tests { next }
        held != "" {
            if ($0 ~ /^(pub(\([a-z]+\))? )?mod [a-z_0-9]+ \{/) { in_tests = 1; held = ""; next }
            print held; held = ""
        }
        /^#\[cfg\(test\)\]$/ { held = FILENAME ":" FNR ":" $0; next }
        { print FILENAME ":" FNR ":" $0 }'
}

long_files() {
    production_lines | cut -d: -f1 | sort | uniq -c |
        awk -v most="$LONGEST_FILE" '$1 > most { print $2 ": " $1 " lines" }'
}

unwraps() {
    production_lines | grep -E '\.unwrap\(\)' | grep -vE '^[^:]+:[0-9]+:[[:space:]]*//'
}

# The words in these two are written so that this file does not find itself.
left_undone() {
    files | xargs -0 -r grep -InE '\b(TO[D]O|FIX[M]E|XX[X])\b|\b(tod[o]|unimplemente[d])!\('
}

registry_hosts() {
    local rust='(index|static)\.crate[s]\.io|crate[s]\.io-index|//(www\.)?crate[s]\.io'
    local others='npmj[s]\.(org|com)|pyp[i]\.org|pythonhoste[d]\.org|deb\.debia[n]\.org'
    files | grep -zvE '(^|/)Cargo\.lock$' | xargs -0 -r grep -InE "$rust|$others"
}

broken_scripts() {
    files 'scripts/*.sh' .ci/run | grep -zE '^(scripts/[^/]*\.sh|\.ci/run)$' |
        while IFS= read -r -d '' script; do
            [ -x "$script" ] || echo "$script: not executable"
            bash -n "$script" 2>&1
        done
}

verdict "files of at most $LONGEST_FILE lines, tests not counted" < <(long_files)
verdict "no unwrap() outside tests" < <(unwraps)
verdict "nothing left undone" < <(left_undone)
verdict "no package registry named by its host" < <(registry_hosts)
verdict "scripts parse and are executable" < <(broken_scripts)
exit "$failed"
