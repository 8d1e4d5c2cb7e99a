#!/bin/sh
# Installs axe-core, the accessibility checker of the browser tests, into
# .portcullis/axe. It is used by tests only.
set -eu
cd "$(dirname "$0")/.."
version=4.14.1
target=.portcullis/axe
[ -f "$target/node_modules/axe-core/axe.min.js" ] && exit 0
if ! command -v npm >/dev/null 2>&1; then
	if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
		apt-get update -qq && apt-get install -y -qq --no-install-recommends npm >/dev/null
	else
		echo "axe-core needs npm: install Node.js and npm (Debian: apt-get install npm; macOS: brew install node)" >&2
		exit 1
	fi
fi
mkdir -p "$target"
npm install --silent --no-save --no-audit --no-fund --no-package-lock --prefix "$target" "axe-core@$version" >/dev/null
