"""Policy → text of one apt.conf fragment, of what stands beside it, and of a needrestart snippet.

Lists append across files (apt.conf(5)), so each list is cleared before it is set. The fragment
sorts behind everything packages install, so it wins without touching files that ucf manages.

Beside it: proxies with a password, which only root may read, and what dpkg is told in unattended
upgrades alone, which reaches the tool through ``APT_CONFIG``.
"""

from aptpolicy import keys, values
from aptpolicy.errors import without_logins
from aptpolicy.patched import SECURITY_KEY
from aptpolicy.policy import reboot_time
from aptpolicy.system import PERIODIC_DIR, UPDATE_STAMP, UPGRADE_CONFIG

FRAGMENT_NAME = "zz-salt-unattended-upgrades"
PRIVATE_NAME = f"{FRAGMENT_NAME}-proxy"
DPKG_OPTIONS = "DPkg::Options"
MANAGED = "// Managed by Salt, formula unattended-upgrades. Changes here are overwritten.\n"
NEEDRESTART_MODES = {"list": "l", "interactive": "i", "automatic": "a"}
HEADER = f"{MANAGED}// It sorts last on purpose and clears every list it sets.\n"


# As on Ubuntu: apt exits with 0 when no mirror answers, but then it does not run this hook.
UPDATE_HOOK = (
    "APT::Update::Post-Invoke-Success:: "
    f'"touch /{PERIODIC_DIR}/{UPDATE_STAMP} 2>/dev/null || true";'
)


def directives(policy):
    """Intended settings as ``((apt name, value), …)``; a list's value is a tuple of texts.

    Names that nobody set are absent, except the formula's own defaults and, next to
    apt-formula, everything its templates force.
    """
    pairs = []
    for key in keys.KEYS:
        value = _value(key, policy)
        if value is not None:
            pairs.append((key.apt, value))
    if policy.security:
        # Read on the host by aptpolicy.patched; apt and the tool do not know it.
        pairs.append((SECURITY_KEY, policy.security))
    pairs += [
        (f"Acquire::{scheme}::Proxy::{host}", "DIRECT")
        for host in policy.get("download.no_proxy_hosts", ())
        for scheme in ("http", "https")
    ]
    return tuple(pairs)


def render(policy):
    """The fragment's text: what everybody may read, and what holds for all of apt."""
    blocks = []
    for name, value in directives(policy):
        if is_private(value) or (name == DPKG_OPTIONS and not _says_apt_formula(policy)):
            continue
        if isinstance(value, tuple):
            blocks.append(f"#clear {name};")
            if value:
                entries = "\n".join(f"    {_quoted(entry)};" for entry in value)
                blocks.append(f"{name} {{\n{entries}\n}};")
        else:
            blocks.append(f"{name} {_quoted(value)};")
    return HEADER + "\n".join([*blocks, UPDATE_HOOK]) + "\n"


def private(policy):
    """Text of the fragment that only root may read: proxies with a password. Empty without."""
    lines = [
        f"{name} {_quoted(value)};\n" for name, value in directives(policy) if is_private(value)
    ]
    return MANAGED + "".join(lines) if lines else ""


def upgrade_config(policy):
    """Text of the file that apt reads in unattended upgrades alone: the options for dpkg.

    It comes before ``apt.conf.d``, so the host's own options stand behind these and count too.
    """
    options = "".join(f"{DPKG_OPTIONS}:: {_quoted(one)};\n" for one in policy.dpkg_options)
    return f"{MANAGED}// Only for unattended upgrades, which get it as APT_CONFIG.\n{options}"


def drop_in():
    """Text of the systemd drop-in that gives :func:`upgrade_config` to unattended upgrades."""
    return (
        "# Managed by Salt, formula unattended-upgrades.\n"
        f"[Service]\nEnvironment=APT_CONFIG=/{UPGRADE_CONFIG}\n"
    )


def needrestart(policy):
    """Text of a needrestart snippet (Perl), or None when needrestart is not managed."""
    mode = policy.get("needrestart.mode", "unmanaged")
    if mode == "unmanaged":
        return None
    lines = [
        "# Managed by Salt, formula unattended-upgrades.",
        f"$nrconf{{restart}} = '{NEEDRESTART_MODES[mode]}';",
    ]
    for unit in policy.get("needrestart.never_restart", ()):
        name = unit if "." in unit else f"{unit}.service"
        quoted = name.replace(".", "\\.").replace("@", "\\@")
        lines.append(f"$nrconf{{override_rc}}->{{qr(^{quoted}$)}} = 0;")
    return "\n".join([*lines, "1;", ""])


def _value(key, policy):
    """What the fragment says for ``key``: a text, a tuple of texts, or None for nothing."""
    if key.name in policy.unknown:
        return None
    if key.name == "origins":
        return policy.patterns
    if key.name == "dpkg.options":
        return policy.dpkg_options
    value = reboot_time(policy) if key.name == "reboot.time" else policy.get(key.name)
    if value is None:
        return _restated_default(key, policy) if policy.composed else None
    if key.is_list:
        return tuple(str(entry) for entry in value)
    if key.kind == "users":
        return ",".join(value)
    return _scalar(value)


def _restated_default(key, policy):
    """apt-formula writes its own value for this key: say the tool's default after it."""
    if key.name == "mail.report" and policy.get("mail.only_on_error"):
        return "only-on-error"  # the tool would ignore mail.only_on_error beside a report
    if not key.apt_formula or key.section == keys.APT:
        return None
    if key.kind in ("bool", "reboot_policy"):
        return _scalar(values.loose_boolean(key.default))
    return {"mail.to": "", "reboot.time": "now"}.get(key.name, key.default)


def _says_apt_formula(policy):
    """Whether apt-formula has written dpkg's options for all of apt: ours mend what it wrote."""
    return policy.composed and "dpkg.options" in policy.explicit


def is_private(value):
    """Whether a value is a URL with a user or a password in it."""
    return isinstance(value, str) and without_logins(value) != value


def _scalar(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quoted(value):
    """Double quotes, no escapes: values that would need one were refused before."""
    return f'"{value}"'
