# shellcheck shell=sh
# Salt from an archive of the Salt Project (onedir): sourced by first-boot.sh behind packages.sh.

# shellcheck source=/dev/null
. /etc/asgcycle/fetch.sh

# ONEDIR has a line for each kind of machine: its name as uname says it, URL, SHA-256.
install_minion() {
    machine=$(uname -m)
    # shellcheck disable=SC2046 # the words of a line
    set -- $(printf '%s\n' "$ONEDIR" | grep "^$machine ")
    [ $# -eq 3 ] || fail "there is no archive of Salt for $machine in user data"
    folder=$(mktemp -d) || return 1
    unpack "$2" "$3" "$folder/salt.tar"
    code=$?
    rm -rf "$folder"
    [ "$code" -eq 0 ] || return "$code"
    ln -sf /opt/saltstack/salt/salt-* /usr/bin/
    mkdir -p /var/log/salt /var/cache/salt
    systemctl daemon-reload
}

# unpack URL SHA256 FILE
unpack() {
    fetch "$1" "$2" "$3" || return 1
    mkdir -p /opt/saltstack
    # Not tar: it would need xz, which not every image has.
    python3 -m tarfile -e "$3" /opt/saltstack
}
