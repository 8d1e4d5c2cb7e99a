#!/bin/sh
# Makes sure nginx and Caddy are on this machine, for the test of forward-auth with
# both. Says nothing when they are. No server of the machine's own is started, now or
# when it boots.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

# the places in which the test looks
nginx() { have nginx || [ -x /usr/sbin/nginx ]; }

present() { nginx && have caddy; }

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

apt_install() {
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get install -qq -y -o Dpkg::Use-Pty=0 \
        --no-install-recommends -o Dpkg::Options::=--force-confold nginx-light caddy </dev/null >/dev/null
}

# asleep COMMAND...: runs it while packages may start no services (the policy that
# Debian's maintainer scripts ask), and keeps the two from starting at boot
asleep() {
    policy=/usr/sbin/policy-rc.d
    made=
    if [ ! -e "$policy" ]; then
        made=yes
        printf '#!/bin/sh\nexit 101\n' | as_root tee "$policy" >/dev/null && as_root chmod 755 "$policy" || return 1
    fi
    status=0
    "$@" || status=$?
    [ -z "$made" ] || as_root rm -f "$policy"
    if [ "$status" = 0 ] && have systemctl; then
        as_root systemctl disable nginx.service caddy.service >/dev/null 2>&1 || true
    fi
    return "$status"
}

install_or_update() {
    apt_install || {
        as_root apt-get update -qq >&2 && apt_install
    }
}

by_apt() {
    have apt-get && may_be_root || return 1
    echo "Installing nginx and Caddy with apt-get (no server is started)" >&2
    asleep install_or_update || return 1
    present
}

present && exit 0
by_apt && exit 0
cat >&2 <<END

nginx or Caddy is missing and could not be installed; the test of forward-auth with it is skipped. Install them:
  Debian, Ubuntu   apt-get install nginx-light caddy
  Fedora, RHEL     dnf install nginx caddy
  Alpine           apk add nginx caddy
END
exit 0
