#!/bin/sh
# Installs what the client tests need: the SDKs (from npm, as package-lock.json
# pins them) and Chromium (from Debian or Ubuntu, if there is none yet).
set -eu
cd "$(dirname "$0")"

command -v node >/dev/null || { echo "install.sh: node is missing: install Node.js 20 or newer" >&2; exit 1; }
npm ci --ignore-scripts --no-audit --no-fund

for c in "${CHROMIUM:-}" /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome; do
	if [ -n "$c" ] && [ -x "$c" ]; then
		echo "install.sh: using $c"
		exit 0
	fi
done
command -v apt-get >/dev/null || { echo "install.sh: no Chromium: install one and set CHROMIUM to its path" >&2; exit 1; }
as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
$as_root apt-get update
$as_root apt-get install -y --no-install-recommends chromium
