#!/bin/sh
# First boot of an instance: upgrade, reboot once when asked for, join the Salt master.
#
# cloud-init runs it at every boot before runcmd and user scripts. What is done is marked below the
# directory that cloud-init keeps for this very instance, so that an image made of it begins anew.
set -u
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH

INSTANCE=/var/lib/cloud/instance
INSTANCE_ID=/var/lib/cloud/data/instance-id
DONE=$INSTANCE/asgcycle
CONSOLE=/dev/console
TRIES=5
PAUSE=20 # seconds between two tries: a mirror that is down, a lock that another process holds

say() { printf 'asgcycle: %s\n' "$*"; }

fail() {
    say "failed: $*"
    { say "failed: $*" >"$CONSOLE"; } 2>/dev/null # what GetConsoleOutput shows
    exit 1
}

# try COMMAND…: again and again until it works, or give up
try() {
    attempt=1
    until "$@"; do
        [ "$attempt" -lt "$TRIES" ] || return 1
        attempt=$((attempt + 1))
        say "again in $PAUSE seconds: $*"
        sleep "$PAUSE"
    done
}

upgrade() {
    [ "$UPGRADE" = none ] && return
    say "upgrading: $UPGRADE"
    if try prepare; then
        try "upgrade_$UPGRADE" && say "upgraded" && return
        why="the upgrade did not work"
    fi
    # A person may let this group do without for a while: `asgcycle.hook`, skip=security-updates.
    asgcycle-ready skips || fail "${why:-the package lists cannot be read}"
}

wants_reboot() {
    case $REBOOT in
        always) return 0 ;;
        never) return 1 ;;
        *) reboot_required ;;
    esac
}

# Does not return, so that cloud-init does nothing more at this boot: what comes after a script of
# this kind has no mark yet and is run at the next boot.
reboot_now() {
    say "rebooting"
    sync
    systemctl reboot || shutdown -r now
    while :; do sleep 60; done
}

join() {
    id=$(cat "$INSTANCE_ID") || fail "cloud-init has not written the instance id"
    say "joining as $id"
    mkdir -p /etc/salt/minion.d
    # An image may carry the id and keys of the machine that it was made of.
    rm -rf /etc/salt/pki/minion /etc/salt/minion_id
    printf 'id: %s\n' "$id" >/etc/salt/minion.d/zz-asgcycle-id.conf
    add_launch_template_version
    systemctl unmask salt-minion.service
    if [ "$SALT_SOURCE" != preinstalled ]; then
        try install_minion || fail "the minion cannot be installed"
    fi
    systemctl enable salt-minion.service || fail "there is no minion to start"
    systemctl restart salt-minion.service || fail "the minion does not start"
    asgcycle-ready key || say "the minion's key is not on the console"
    say "joined"
}

# Known only where the instance may read its own tags (MetadataOptions: InstanceMetadataTags).
add_launch_template_version() {
    grep -q '^launch_template_version:' /etc/salt/grains && return
    query='{{ ds.meta_data.tags.instance["aws:ec2launchtemplate:version"] }}'
    version=$(cloud-init query --format "$query" 2>/dev/null) || return 0
    case $version in
        '' | *[!0-9]*) ;;
        *) printf 'launch_template_version: %s\n' "$version" >>/etc/salt/grains ;;
    esac
}

[ -e "$DONE/joined" ] && exit 0
mkdir -p "$DONE" || exit 1
# shellcheck source=/dev/null
. /etc/asgcycle/first-boot.conf
# shellcheck source=/dev/null
. /etc/asgcycle/packages.sh
if [ "$SALT_SOURCE" = onedir ]; then
    # shellcheck source=/dev/null
    . /etc/asgcycle/salt.sh
fi

if [ -n "${AGENT_URL:-}" ]; then
    # shellcheck source=/dev/null
    . /etc/asgcycle/fetch.sh
    fetch_agent
fi

# From the beginning: it keeps the launch lifecycle hook alive while this works.
systemctl daemon-reload
systemctl enable asgcycle-ready.service
systemctl start --no-block asgcycle-ready.service

if [ ! -e "$DONE/upgraded" ]; then
    upgrade
    if wants_reboot; then
        : >"$DONE/upgraded"
        reboot_now
    fi
    : >"$DONE/upgraded"
fi
join
: >"$DONE/joined"
