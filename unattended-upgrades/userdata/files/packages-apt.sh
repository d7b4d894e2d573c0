# shellcheck shell=sh
# Debian and Ubuntu: sourced by first-boot.sh.

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C
LOCK_SECONDS=300 # what else works on packages at boot is given time
# What to do about changed configuration files, as the formula has it.
UPGRADE_CONFIG=/etc/unattended-upgrades/apt.conf
OVERRIDE=/etc/apt/apt.conf.d/zzz-asgcycle-first-boot
BEFORE=${DONE:-/run}/packages # and their versions, before the upgrade
ESM=esm.ubuntu.com
# In what apt-get update prints: the security archive's answer, and errors that are about it.
REACHED='^(Hit|Get):[0-9]+ [^ ]+ [^ ]*(-security|/updates) '
OF_SECURITY="(-security|/updates)([ /']|\$)"
OF_NO_REPOSITORY='^([^:]|:[^/])*$'
HOLDS=/var/lib/unattended-upgrades/salt-holds # the formula reads it (aptpolicy/holds.py)

apt_get() { apt-get -qy -o "DPkg::Lock::Timeout=$LOCK_SECONDS" "$@"; }

# A list that cannot be fetched is an error; Ubuntu 20.04's apt only says so. With `security` that
# of a vendor may be missing, as long as the security archive was reached: what the policy itself
# needs, the agent asks for once more before anything serves.
update_lists() {
    said=$(apt_get -o APT::Update::Error-Mode=any update 2>&1)
    code=$?
    printf '%s\n' "$said"
    failed=$(printf '%s\n' "$said" | grep -E '^(E:|Err:|W: Failed|W: GPG error|W: An error occ)')
    [ "$code" -eq 0 ] && [ -z "$failed" ] && return 0
    [ "${UPGRADE:-}" = security ] && printf '%s\n' "$said" | grep -Eq "$REACHED" || return 1
    closed=$ESM # without a token nothing ever comes from there
    grep -qs "machine.*$ESM" /etc/apt/auth.conf /etc/apt/auth.conf.d/* && closed='^$'
    failed=$(printf '%s\n' "$failed" | grep -v -e "$closed" -e '^E: Some index files failed')
    [ -z "$failed" ] ||
        ! printf '%s\n' "$failed" | grep -Eq -e "$OF_SECURITY" -e "$OF_NO_REPOSITORY"
}

# Package lists, the tool, and what writes the flag for a reboot: all before anything is upgraded.
prepare() {
    update_lists || return 1
    flags=
    [ "$REBOOT" = if_required ] && flags=${FLAG_PACKAGES:-}
    # shellcheck disable=SC2086 # a list of words
    apt_get install --no-install-recommends unattended-upgrades $flags || return 1
    hold || return 1
    [ -e "$BEFORE" ] || dpkg-query -W >"$BEFORE"
}

# A hold that the image has brought is not ours. What is written down, the formula may release.
hold() {
    for package in ${HOLD:-}; do
        dpkg-query -W "$package" >/dev/null 2>&1 || continue
        [ -z "$(apt-mark showhold "$package")" ] || continue
        echo "$package" >>"$HOLDS" || return 1
        apt-mark hold "$package" || return 1
    done
}

# The formula's policy, but every day, at once, and without a reboot of the tool's own. The tool
# reads apt.conf.d once more, after all else (python-apt, Cache).
upgrade_security() {
    printf '%s\n' '#clear Unattended-Upgrade::Update-Days;' \
        'Unattended-Upgrade::InstallOnShutdown "false";' \
        'Unattended-Upgrade::Automatic-Reboot "false";' >"$OVERRIDE" || return 1
    APT_CONFIG=$UPGRADE_CONFIG unattended-upgrade -v
    code=$?
    rm -f "$OVERRIDE"
    return "$code"
}

upgrade_all() { APT_CONFIG=$UPGRADE_CONFIG apt_get dist-upgrade; }

# What this boot has started still runs what was upgraded, dbus and systemd too.
reboot_required() {
    [ -e /run/reboot-required ] ||
        { [ -e "$BEFORE" ] && [ "$(dpkg-query -W)" != "$(cat "$BEFORE")" ]; }
}

# With upgrade=none no list has been fetched yet; the version may be held, or older than the image's.
install_minion() {
    update_lists || return 1
    apt_get install --allow-downgrades --allow-change-held-packages \
        "salt-common=$SALT_VERSION" "salt-minion=$SALT_VERSION"
}
