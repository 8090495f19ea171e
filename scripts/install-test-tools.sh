#!/usr/bin/env bash
# Makes sure the programs the tests start are there: as root on Debian it installs them, else it says how.
set -uo pipefail

have() { command -v "$1" >/dev/null 2>&1; }

have_postgresql() {
    local initdb
    have initdb && return 0
    for initdb in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$initdb" ] && return 0
    done
    return 1
}

have_faketime() {
    local library
    for library in /usr/lib/*/faketime/libfaketimeMT.so.1; do
        [ -e "$library" ] && return 0
    done
    return 1
}

missing_packages() {
    have_postgresql || echo postgresql
    have pgbouncer || [ -x /usr/sbin/pgbouncer ] || echo pgbouncer
    have redis-server || echo redis-server
    have jq || echo jq
    have_faketime || echo faketime
    have prlimit || echo util-linux
    /usr/bin/python3 -c 'import sqlalchemy' 2>/dev/null || echo python3-sqlalchemy
    /usr/bin/python3 -c 'import psycopg2' 2>/dev/null || echo python3-psycopg2
    /usr/bin/python3 -c 'import cryptography.fernet' 2>/dev/null || echo python3-cryptography
    /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null || echo python3-aiosmtpd
    have cc || echo gcc libc6-dev
    have c++ || echo g++
}

read -r -d '' -a missing < <(missing_packages)
if [ "${#missing[@]}" -eq 0 ]; then
    echo "all test tools are installed"
    exit 0
fi
if [ "$(id -u)" -ne 0 ] || ! have apt-get; then
    echo "missing test tools; on Debian: sudo apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
{ apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } >/tmp/install-test-tools.log 2>&1 || {
    tail -n 20 /tmp/install-test-tools.log >&2
    exit 1
}
read -r -d '' -a missing < <(missing_packages)
[ "${#missing[@]}" -eq 0 ] || { echo "still missing after the installation: ${missing[*]}" >&2; exit 1; }
