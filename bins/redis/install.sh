#!/bin/sh
# Installs what the tests of bins/redis need: redis-server, from Debian or Ubuntu,
# if there is none yet. They start one of their own; the package's service isn't used.
set -eu

if command -v redis-server >/dev/null; then
	exit 0
fi
command -v apt-get >/dev/null || { echo "install.sh: no redis-server: install Redis 7 or newer" >&2; exit 1; }
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update
$as_root apt-get install -y --no-install-recommends redis-server
