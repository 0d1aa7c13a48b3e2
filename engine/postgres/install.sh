#!/bin/sh
# Installs what the tests of PostgreSQL need: postgresql-15, from Debian or Ubuntu
# (another number where that is theirs), if there is none yet. They start one of
# their own; the package's service isn't used.
set -eu

if command -v postgres >/dev/null || ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1; then
	exit 0
fi
command -v apt-get >/dev/null || { echo "install.sh: no postgres: install PostgreSQL 14 or newer" >&2; exit 1; }
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update
$as_root apt-get install -y --no-install-recommends postgresql-15 || $as_root apt-get install -y --no-install-recommends postgresql
