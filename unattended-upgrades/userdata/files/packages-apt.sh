# shellcheck shell=sh
# Debian and Ubuntu: sourced by first-boot.sh.

export DEBIAN_FRONTEND=noninteractive NEEDRESTART_SUSPEND=1 LC_ALL=C
LOCK_SECONDS=300 # what else works on packages at boot is given time
HOLDS=/var/lib/unattended-upgrades/salt-holds # the formula reads it (aptpolicy/holds.py)

apt_get() { apt-get -qy -o "DPkg::Lock::Timeout=$LOCK_SECONDS" "$@"; }

# Package lists, the tool, and what writes the flag for a reboot: all before anything is upgraded.
prepare() {
    # A list that cannot be fetched is an error, not a warning.
    apt_get -o APT::Update::Error-Mode=any update || return 1
    flags=
    [ "$REBOOT" = if_required ] && flags=${FLAG_PACKAGES:-}
    # shellcheck disable=SC2086 # a list of words
    apt_get install --no-install-recommends unattended-upgrades $flags || return 1
    hold
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

# The formula's policy, on every day of the week, and without a reboot of the tool's own: apt reads
# the file that Dir::Etc::main names last (apt.conf(5)).
upgrade_security() {
    folder=$(mktemp -d) || return 1
    printf 'Dir::Etc::main "%s/main";\n' "$folder" >"$folder/first"
    {
        [ ! -e /etc/apt/apt.conf ] || cat /etc/apt/apt.conf
        printf '%s\n' '#clear Unattended-Upgrade::Update-Days;' \
            'Unattended-Upgrade::Automatic-Reboot "false";'
    } >"$folder/main"
    APT_CONFIG=$folder/first unattended-upgrade -v
    code=$?
    rm -rf "$folder"
    return "$code"
}

# What to do about changed configuration files is in the formula's fragment.
upgrade_all() { apt_get dist-upgrade; }

reboot_required() { [ -e /run/reboot-required ]; }

install_minion() {
    apt_get install "salt-common=$SALT_VERSION" "salt-minion=$SALT_VERSION"
}
