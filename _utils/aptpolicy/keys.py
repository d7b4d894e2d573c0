"""Every setting of unattended-upgrades and APT::Periodic, in one table.

Validation, rendering, the check of what took effect, the migration from apt-formula and the
documentation all read this table; nothing else knows the name of a key.
"""

from dataclasses import dataclass

UNATTENDED = "Unattended-Upgrade"
PERIODIC = "APT::Periodic"
APT = "apt"

LIST_KINDS = frozenset({"origins", "legacy_origins", "regexes", "days", "strings", "paths"})


@dataclass(frozen=True)
class Key:
    """One setting.

    ``name``: pillar key below ``unattended_upgrades``, dotted. ``apt``: its full apt.conf name.
    ``kind``: parser in :mod:`aptpolicy.values`. ``default``: what the tool does when the key is
    absent, in words for the reader. ``ours``: value the formula writes when the pillar is silent,
    None to leave the key alone. ``since``: first unattended-upgrades that reads it.
    ``ubuntu_since``: exists in Ubuntu only, from that release on. ``apt_formula``, ``puppet``,
    ``ansible``: the name in saltstack-formulas/apt-formula, voxpupuli/puppet-unattended_upgrades
    and jnv's role.
    """

    name: str
    apt: str
    kind: str
    default: str
    doc: str
    ours: object = None
    choices: tuple = ()
    since: str = ""
    ubuntu_since: str = ""
    apt_formula: str = ""
    puppet: str = ""
    ansible: str = ""

    @property
    def section(self):
        for section in (UNATTENDED, PERIODIC):
            if self.apt.startswith(section + "::"):
                return section
        return APT

    @property
    def is_list(self):
        return self.kind in LIST_KINDS


def _uu(name, short, kind, default, doc, **more):
    return Key(name, f"{UNATTENDED}::{short}", kind, default, doc, **more)


def _periodic(name, short, kind, default, doc, **more):
    return Key(f"periodic.{name}", f"{PERIODIC}::{short}", kind, default, doc, **more)


_WHAT = (
    _uu("origins", "Origins-Pattern", "origins", "the packaged list",
        "What is upgraded: words (security, release, updates, backports, proposed, esm), names of"
        " third_party entries, raw patterns.",
        apt_formula="origins_patterns", puppet="origins, extra_origins",
        ansible="unattended_origins_patterns"),
    _uu("allowed_origins", "Allowed-Origins", "legacy_origins", "the packaged list",
        "Legacy origin:archive pairs; always cleared, so that the packaged ones do not add up.",
        ours=(), apt_formula="allowed_origins"),
    _uu("blacklist", "Package-Blacklist", "regexes", "empty",
        "Regular expressions, matched from the start of the name, of packages never upgraded.",
        ours=(), apt_formula="package_blacklist", puppet="blacklist",
        ansible="unattended_package_blacklist"),
    _uu("whitelist", "Package-Whitelist", "regexes", "empty",
        "Regular expressions of the only packages upgraded; needs whitelist_strict up to 2.13.",
        ours=(), puppet="whitelist"),
    _uu("whitelist_strict", "Package-Whitelist-Strict", "bool", "false",
        "Upgrade only what the whitelist names; refused without a whitelist.", ours=False,
        apt_formula="package_whitelist_strict", puppet="whitelist_strict"),
    _uu("update_days", "Update-Days", "days", "every day",
        "Days on which upgrades run; written as numbers, which no locale can break.", ours=(),
        apt_formula="update_days", puppet="days", ansible="unattended_update_days"),
    _uu("allow_downgrade", "Allow-downgrade", "bool", "false",
        "Allow a pinned lower version to replace the installed one.", puppet="allow_downgrade"),
    _uu("ignore_apps_require_restart", "IgnoreAppsRequireRestart", "bool", "false",
        "Upgrade packages that ask for a restart of the application too.",
        ansible="unattended_ignore_apps_require_restart"),
    _uu("allow_apt_mark_fallback", "Allow-APT-Mark-Fallback", "bool", "true (false on sid)",
        "Fall back to apt's own resolver when marking a package for upgrade fails.",
        since="2.6"),
    _uu("dev_release", "DevRelease", "dev_release", "true",
        "Whether to run on the development release: true, false or auto."),
    _uu("postpone_for_days", "Postpone-For-Days", "count", "0",
        "Days a user may put the updates off; 0 switches the question off.",
        ubuntu_since="25.04"),
    _uu("postpone_wait_time", "Postpone-Wait-Time", "count", "300",
        "Seconds a user has to put the updates off.", ubuntu_since="25.04"),
)  # fmt: skip

_HOW = (
    _uu("auto_fix_interrupted_dpkg", "AutoFixInterruptedDpkg", "bool", "true",
        "Finish an interrupted dpkg run before upgrading.",
        apt_formula="auto_fix_interrupted_dpkg", puppet="auto.fix_interrupted_dpkg",
        ansible="unattended_autofix_interrupted_dpkg"),
    _uu("minimal_steps", "MinimalSteps", "bool", "true",
        "Upgrade in the smallest sets, so that a run can be interrupted.",
        apt_formula="minimal_steps", puppet="minimal_steps", ansible="unattended_minimal_steps"),
    _uu("install_on_shutdown", "InstallOnShutdown", "bool", "false",
        "Upgrade at shutdown instead of in the background.", apt_formula="install_on_shutdown",
        puppet="install_on_shutdown", ansible="unattended_install_on_shutdown"),
    _uu("remove_unused_kernel_packages", "Remove-Unused-Kernel-Packages", "bool", "true",
        "Remove automatically installed kernels that are no longer used.",
        puppet="remove_unused_kernel"),
    _uu("remove_new_unused_dependencies", "Remove-New-Unused-Dependencies", "bool", "true",
        "Remove what this upgrade made superfluous.",
        apt_formula="remove_new_unused_dependencies", puppet="remove_new_unused_deps",
        ansible="unattended_remove_new_unused_dependencies"),
    _uu("remove_unused_dependencies", "Remove-Unused-Dependencies", "bool", "false",
        "Remove everything superfluous, like apt-get autoremove.",
        apt_formula="remove_unused_dependencies", puppet="auto.remove",
        ansible="unattended_remove_unused_dependencies"),
    _uu("keep_debs_after_install", "Keep-Debs-After-Install", "bool", "false",
        "Keep downloaded packages.", apt_formula="keep_debs_after_install"),
    _uu("only_on_ac_power", "OnlyOnACPower", "bool", "true",
        "Skip when running on battery; true installs powermgmt-base, without which it is"
        " not checked.", puppet="only_on_ac_power", ansible="unattended_only_on_ac_power"),
    _uu("skip_updates_on_metered_connections", "Skip-Updates-On-Metered-Connections", "bool",
        "true", "Skip on metered links; true installs python3-gi, without which it is not"
        " checked.", puppet="skip_updates_on_metered_connection"),
    _uu("plugin_dirs", "Dirs::Plugins", "paths", "empty",
        "More directories with postrun plugins.", since="2.11"),
    _uu("verbose", "Verbose", "bool", "false", "Log what is done."),
    _uu("debug", "Debug", "bool", "false", "Log why it is done."),
    _uu("log_dir", "LogDir", "path", "/var/log/unattended-upgrades", "Folder of the logs."),
    _uu("log_file", "LogFile", "filename", "unattended-upgrades.log", "Name of the log."),
    _uu("syslog.enable", "SyslogEnable", "bool", "false", "Log to syslog too.",
        apt_formula="syslog_enable", puppet="syslog_enable", ansible="unattended_syslog_enable"),
    _uu("syslog.facility", "SyslogFacility", "choice", "daemon", "Facility used in syslog.",
        choices=("auth", "authpriv", "cron", "daemon", "kern", "lpr", "mail", "news", "syslog",
                 "user", "uucp", *(f"local{n}" for n in range(8))),
        apt_formula="syslog_facility", puppet="syslog_facility",
        ansible="unattended_syslog_facility"),
    _uu("mail.to", "Mail", "text", "no mail", "Who gets a mail; the host needs a mailer.",
        apt_formula="mail", puppet="mail.to", ansible="unattended_mail"),
    _uu("mail.sender", "Sender", "text", "root", "Who the mail is from.", apt_formula="sender",
        puppet="sender"),
    _uu("mail.report", "MailReport", "choice", "on-change",
        "When to mail; the tool itself does not check the word.",
        choices=("always", "only-on-error", "on-change"), apt_formula="mail_report",
        puppet="mail.report"),
    _uu("mail.only_on_error", "MailOnlyOnError", "bool", "false",
        "Legacy; the tool ignores it when mail.report is set.",
        apt_formula="mail_only_on_error", puppet="mail.only_on_error",
        ansible="unattended_mail_only_on_error"),
)  # fmt: skip

_REBOOT = (
    _uu("reboot.policy", "Automatic-Reboot", "reboot_policy", "false",
        "never, or when_needed: reboot when a package asked for it.", ours=False,
        apt_formula="automatic_reboot", puppet="auto.reboot",
        ansible="unattended_automatic_reboot"),
    _uu("reboot.time", "Automatic-Reboot-Time", "reboot_time", "now",
        "When: 'HH:MM' (quoted), now, or +MINUTES; reboot.spread is added per minion.",
        apt_formula="automatic_reboot_time", puppet="auto.reboot_time",
        ansible="unattended_automatic_reboot_time"),
    _uu("reboot.with_users", "Automatic-Reboot-WithUsers", "bool", "true",
        "Reboot although somebody is logged in; false skips until the next run.",
        puppet="auto.reboot_withusers"),
    _uu("reboot.with_system_users", "Automatic-Reboot-WithSystemUsers", "bool", "true",
        "Whether sessions of system users count.", since="2.13"),
    _uu("reboot.ignored_users", "Automatic-Reboot-IgnoredUsers", "users", "empty",
        "Users whose sessions do not count; a list here, one comma separated text for the tool.",
        since="2.13"),
)  # fmt: skip

_PERIODIC = (
    _periodic("enable", "Enable", "flag", "1", "Whether the daily jobs do anything; integers"
              " only, a word keeps them running.", ours=1, apt_formula="enabled",
              puppet="enable"),
    _periodic("update_package_lists", "Update-Package-Lists", "interval", "0",
              "Days between downloads of the package lists; always: whenever apt's daily jobs run.",
              ours="always",
              apt_formula="update_package_lists", puppet="update",
              ansible="unattended_update_package_list"),
    _periodic("download_upgradeable_packages", "Download-Upgradeable-Packages", "interval", "0",
              "Days between downloads of everything upgradeable, beyond the policy.", ours="0",
              apt_formula="download_upgradeable_packages",
              puppet="upgradeable_packages.download_only",
              ansible="unattended_download_upgradeable"),
    _periodic("download_upgradeable_packages_debdelta", "Download-Upgradeable-Packages-Debdelta",
              "flag", "1", "Use debdelta for those downloads.",
              puppet="upgradeable_packages.debdelta"),
    _periodic("unattended_upgrade", "Unattended-Upgrade", "interval", "0",
              "Days between runs of unattended-upgrade; 0 is off.", ours="1",
              apt_formula="unattended_upgrade", puppet="upgrade"),
    _periodic("autoclean_interval", "AutocleanInterval", "interval", "0",
              "Days between apt-get autoclean.", ours="7", apt_formula="auto_clean_interval",
              puppet="auto.clean", ansible="unattended_autoclean_interval"),
    _periodic("clean_interval", "CleanInterval", "interval", "0", "Days between apt-get clean.",
              ansible="unattended_clean_interval"),
    _periodic("verbose", "Verbose", "verbosity", "0",
              "0 to 3; from 2 on a run logs half a megabyte.", ours=0, apt_formula="verbose",
              puppet="verbose", ansible="unattended_verbose"),
    _periodic("backup_archive_interval", "BackupArchiveInterval", "interval", "0",
              "Days between backups of the package archive.", puppet="backup.archive_interval"),
    _periodic("backup_level", "BackupLevel", "backup_level", "3",
              "How many backups; 0 is off, 1 is invalid.", puppet="backup.level"),
    _periodic("max_age", "MaxAge", "count", "0", "Days after which a cached package goes.",
              puppet="age.max"),
    _periodic("min_age", "MinAge", "count", "2", "Days a cached package stays at least.",
              puppet="age.min"),
    _periodic("max_size", "MaxSize", "count", "0", "Megabytes of cached packages at most.",
              puppet="size"),
)  # fmt: skip

_OTHERS = (
    Key("dpkg.options", "DPkg::Options", "strings", "empty",
        "Options for dpkg in unattended upgrades; the words of dpkg.conffile come first. Who calls"
        " apt by hand gets none of them.",
        apt_formula="dpkg_options", puppet="dpkg_options", ansible="unattended_dpkg_options"),
    Key("dpkg.lock_timeout", "DPkg::Lock::Timeout", "count", "0 (120 in apt)",
        "Seconds apt waits for dpkg's lock."),
    Key("download.limit_kib", "Acquire::http::Dl-Limit", "count", "0",
        "Bandwidth limit of one download in KiB/s, for http and https; 0 is none.",
        apt_formula="dl_limit", puppet="dl_limit", ansible="unattended_dl_limit"),
    Key("download.http_proxy", "Acquire::http::Proxy", "proxy", "environment",
        "Proxy for http: a URL, or DIRECT. With a password it is kept where only root reads it."),
    Key("download.https_proxy", "Acquire::https::Proxy", "proxy", "that of http",
        "Proxy for https: a URL, or DIRECT. With a password as for http."),
)  # fmt: skip


def _own(name, kind, default, doc, **more):
    return Key(name, "", kind, default, doc, **more)


def _timer_keys(name, unit, times, spread):
    prefix = f"timers.{name}"
    return (
        _own(f"{prefix}.at", "times", times, f"Local times of {unit}."),
        _own(f"{prefix}.days", "days", "every day", f"Days of {unit}."),
        _own(f"{prefix}.spread", "span", spread,
             f"Window after each time of {unit}; every minion gets its own place in it."),
        _own(f"{prefix}.calendar", "calendar", "not set",
             f"A systemd calendar expression for {unit} instead of at and days."),
        _own(f"{prefix}.persistent", "bool", "true", "Catch up after downtime."),
    )  # fmt: skip


FORMULA_KEYS = (
    _own("enabled", "bool", "true", "false switches the upgrades off and leaves the rest."),
    _own("use_apt_formula", "use_apt_formula", "auto",
         "Build on apt-formula: auto (when it is in the file roots), true, false."),
    _own("include_apt_repositories", "bool", "false", "Include apt-formula's apt.repositories."),
    _own("environment", "word", "from the grain", "Name of the environment that applies."),
    _own("environment_grain", "word", "environment", "Grain that names the environment."),
    _own("environments", "mapping", "empty", "Overlays on this pillar, by environment."),
    _own("lookup", "lookup", "empty", "Overrides of the map: packages, folders, file names."),
    _own("extra_packages", "packages", "empty", "More packages to install."),
    _own("hold", "packages", "empty", "Packages to hold (apt-mark hold); released when taken out."),
    _own("assert_effective", "bool", "true", "Fail when the policy does not take effect."),
    _own("third_party", "mapping", "empty", "Repositories by name, for use in origins."),
    _own("reboot.spread", "span", "0", "Window after reboot.time; every minion has its place."),
    _own("dpkg.conffile", "choice", "keep",
         "Changed configuration files: keep yours, replace them, ask (holds the package back).",
         choices=("keep", "replace", "ask")),
    _own("download.no_proxy_hosts", "hosts", "empty", "Hosts reached without the proxy."),
    _own("timers.manage", "bool", "true", "Write drop-ins for the two apt timers."),
    *_timer_keys("download", "apt-daily.timer", "['06:00', '18:00']", "12h"),
    *_timer_keys("upgrade", "apt-daily-upgrade.timer", "['06:00']", "60m"),
    _own("timers.upgrade.fetch", "bool", "true",
         "Fetch the package lists right before the upgrade."),
    _own("snapshot.sources", "snapshot_sources", "no snapshot",
         "Dated, signed snapshots of the archive that are followed instead of it: URL suite"
         " component…, with {date} in the URL and {codename} for the release."),
    _own("snapshot.delay", "snapshot_delay", "0", "By how many days, of UTC, they are followed."),
    _own("snapshot.date", "snapshot_date", "%Y%m%d", "How the mirror writes a day, for strftime."),
    _own("snapshot.go_back", "count", "7",
         "How many days older one may be when the day's own is not there."),
    _own("snapshot.keyring", "path", "apt's own keys", "Key that has to have signed them."),
    _own("needrestart.mode", "choice", "automatic; unmanaged on Ubuntu",
         "Restart of services after upgrades: unmanaged (needrestart is left alone), list,"
         " interactive, automatic.",
         choices=("unmanaged", "list", "interactive", "automatic")),
    _own("needrestart.never_restart", "units", "sshd, minion, master, readiness agent",
         "Units that needrestart leaves alone; the default applies in mode automatic."),
    _own("status.max_age_days", "positive", "3", "Days without a successful run until stale."),
    _own("status.grain_refresh", "span", "4m",
         "How often a running minion compares its grain with the host; 0: never."),
    _own("readiness.checks", "readiness_checks", "all of them",
         "What has to pass before the instance is ready: cloud-init, reboot, security-updates,"
         " highstate."),
    _own("readiness.timeout", "positive_span", "50m",
         "How long the agent waits at a boot; then it leaves the launch hook to its timeout."),
    _own("readiness.hook.group", "text", "from user data",
         "Auto Scaling group whose launch hook the agent completes."),
    _own("readiness.hook.name", "text", "asgcycle-ready", "Name of that launch hook."),
    _own("readiness.hook.heartbeat", "positive_span", "5m",
         "How often the hook is told to go on waiting; keep it under the hook's timeout."),
)  # fmt: skip

KEYS = _WHAT + _HOW + _REBOOT + _PERIODIC + _OTHERS
BY_NAME = {key.name: key for key in KEYS + FORMULA_KEYS}
BY_APT_FORMULA = {key.apt_formula: key for key in KEYS if key.apt_formula}
