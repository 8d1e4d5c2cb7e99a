#!/bin/sh
# Makes sure a Chromium is on this machine, for the browser tests. Says nothing
# when there is one.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

# present: the names and places in which the browser tests look
present() {
    for name in chromium chromium-browser google-chrome google-chrome-stable headless_shell headless-shell chrome; do
        # Ubuntu's chromium-browser may be a script that asks for a snap.
        have "$name" && "$name" --version >/dev/null 2>&1 && return 0
    done
    for program in "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" /Applications/Chromium.app/Contents/MacOS/Chromium; do
        [ -x "$program" ] && return 0
    done
    return 1
}

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

may_be_root() {
    [ "$(id -u)" = 0 ] && return 0
    have sudo || return 1
    sudo -n true 2>/dev/null || [ -t 0 ]
}

# Without recommended packages there would be no font at all.
apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends chromium fonts-liberation </dev/null >/dev/null
}

by_apt() {
    have apt-get && may_be_root || return 1
    echo "Installing Chromium with apt-get" >&2
    apt_install || {
        as_root apt-get update -qq >&2 && apt_install
    } || return 1
    present
}

by_brew() {
    [ "$(uname -s)" = Darwin ] && have brew || return 1
    echo "Installing Chromium with brew" >&2
    brew install --quiet --cask chromium >&2 && present
}

present && exit 0
by_apt && exit 0
by_brew && exit 0
cat >&2 <<END

The browser tests need Chromium or Chrome, and it could not be installed. Install it:
  Debian           apt-get install chromium
  Ubuntu           snap install chromium, or Google's package google-chrome-stable
  Fedora           dnf install chromium
  Alpine           apk add chromium
  macOS            brew install --cask chromium
END
exit 1
