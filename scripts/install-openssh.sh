#!/bin/sh
# Makes sure OpenSSH's server program and client are on this machine, for the test
# of the agent with a real sshd. Says nothing when they are. No server of the
# machine's own is started, now or when it boots.
set -eu

have() { command -v "$1" >/dev/null 2>&1; }

# sshd: the places in which the test looks
program() {
    have sshd || [ -x /usr/sbin/sshd ] || [ -x /usr/local/sbin/sshd ] || [ -x /opt/homebrew/sbin/sshd ]
}

present() { program && have ssh && have ssh-keygen; }

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
        --no-install-recommends -o Dpkg::Options::=--force-confold openssh-server openssh-client </dev/null >/dev/null
}

# asleep COMMAND...: runs it while packages may start no services (the policy that
# Debian's maintainer scripts ask), and keeps sshd from starting at boot
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
        as_root systemctl disable ssh.service ssh.socket >/dev/null 2>&1 || true
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
    echo "Installing OpenSSH's server with apt-get (no server is started)" >&2
    if program; then install_or_update; else asleep install_or_update; fi || return 1
    present
}

present && exit 0
by_apt && exit 0
cat >&2 <<END

OpenSSH's server program is missing and could not be installed; the test of the agent with it is skipped. Install it:
  Debian, Ubuntu   apt-get install openssh-server
  Fedora, RHEL     dnf install openssh-server openssh-clients
  Alpine           apk add openssh
END
exit 0
