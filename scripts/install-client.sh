#!/bin/sh
# Installs the published TypeScript client of the API into .portcullis/client. It
# is used by tests only: they drive a server with it.
set -eu
cd "$(dirname "$0")/.."
version=2026.2.3-rc1
target=.portcullis/client
package=$target/node_modules/@goauthentik/api
if [ -f "$package/schema.yml" ] && grep -q "\"version\": \"$version\"" "$package/package.json"; then
	exit 0
fi
if ! command -v npm >/dev/null 2>&1; then
	if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
		apt-get update -qq && apt-get install -y -qq --no-install-recommends npm >/dev/null
	else
		echo "the published client needs npm: install Node.js 18 or later and npm (Debian: apt-get install npm; macOS: brew install node)" >&2
		exit 1
	fi
fi
mkdir -p "$target"
npm install --silent --no-save --no-audit --no-fund --no-package-lock --ignore-scripts --prefix "$target" "@goauthentik/api@$version" >/dev/null
