# shellcheck shell=sh
# Amazon Linux 2 (yum) and 2023 (dnf): sourced by first-boot.sh.

export LC_ALL=C
if command -v dnf >/dev/null; then
    MANAGER=dnf CONFIGURATION=/etc/dnf/dnf.conf TOOLS=dnf-utils
else
    MANAGER=yum CONFIGURATION=/etc/yum.conf TOOLS=yum-utils
fi

manager() { "$MANAGER" -y "$@"; }

use_proxy() {
    [ -z "${PROXY:-}" ] || grep -q '^proxy *=' "$CONFIGURATION" ||
        printf 'proxy=%s\n' "$PROXY" >>"$CONFIGURATION"
}

prepare() {
    use_proxy || return 1
    # needs-restarting tells whether a reboot is due.
    command -v needs-restarting >/dev/null || manager install "$TOOLS"
}

# An AMI of Amazon Linux 2023 is locked to its own release of the repositories. The readiness agent
# asks the one that is upgraded to.
upgrade_with() { manager ${RELEASEVER:+"--releasever=$RELEASEVER"} upgrade "$@"; }

upgrade_security() { upgrade_with --security; }

upgrade_all() { upgrade_with; }

# 0: no, 1: yes. Without an answer rebooting is the safe side.
reboot_required() { ! needs-restarting -r >/dev/null 2>&1; }

install_minion() {
    use_proxy || return 1
    manager --enablerepo=asgcycle-salt install "salt-minion-$SALT_VERSION"
}
