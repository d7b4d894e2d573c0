"""Pillars that must be refused, as ``(pillar, key that the message must name)``."""

from aptpolicy import keys

WRONG_BY_KIND = {
    "bool": ["false", "yes", 2, [], {"a": 1}],
    "flag": ["true", 2, -1, []],
    "count": [-1, "many", True, 1.5],
    "positive": [0, -3, "3"],
    "interval": ["daily", "1w", "-1", 1.5, []],
    "verbosity": [4, "2"],
    "backup_level": [1, "3"],
    "regexes": ["linux-.*", ["*x"], ["(unclosed"], ['a"b'], [3], {"linux": None}],
    "days": ["Mon", ["Moonday"], [7], ["-1"], [True], [None]],
    "strings": ["--force-confold", ["force-confold"], ["--no-act"], ["--force confold"],
                ['--x="y"'], ["--root=/srv"], ["--help"], ["--force-help"], ["--remove"]],
    "users": ["root", ["two words"], [0]],
    "text": ["", 'a"b', "a\nb", "a\tb", 7, ["a"]],
    "path": ["relative/log", "/var/../etc", 'C:\\"', 5],
    "paths": ["/one", ["relative"]],
    "filename": ["a/b", "", "..", ".hidden"],
    "proxy": ["proxy:3128", "ftp://x", "http://a b", True],
    "choice": ["sometimes", 1, True],
    "reboot_policy": [True, "always", "yes", 1],
    "reboot_time": [1320, "24:00", "22.00", "noon", "+x", True],
    "dev_release": ["yes", 1],
    "span": ["1 week", -5, "25h", 2000, "m"],
    "times": [[], ["25:00"], [1320], "06:00", [360]],
    "positive_span": ["1 week", 0, "0m", "25h"],
    "readiness_checks": ["reboot", ["reboots"], [True], {"reboot": None}],
    "calendar": ["", 'x"', 6],
    "packages": ["nginx", ["Nginx"], ["a b"], [1]],
    "hosts": ["example.org", ["http://example.org"], ["a b"]],
    "units": ["ssh.service", ["ssh service"], ["$(id)"], ["a'b"]],
    "word": [5, "two words", ""],
    "mapping": [[], "text", 3],
    "use_apt_formula": ["yes", 1, "maybe"],
    "lookup": [[], {"unknown": 1}, {"confd_dir": "etc"}, {"packages": "x"}],
    "snapshot_sources": [
        "https://m/{date}/debian trixie main",
        ["https://m/debian trixie main"],
        ["https://m/{date}/debian trixie"],
        ["https://m/{date}/{date} trixie main"],
        ["https://m/debian {date} main"],
        ["https://m/{day}/{date} trixie main"],
        ["ftp://m/{date}/debian trixie main"],
        ["deb https://m/{date}/debian trixie main"],
        ['https://m/{date}/de"bian trixie main'],
        ["https://m/{date}/debian ./ main"],
        [5],
    ],
    "snapshot_delay": [-1, 91, "2", "2d", True, 1.5],
    "snapshot_date": ["", "%Y", "%Y%m", "%d", "%H%Y%m%d", "%Y %m %d", 20270101, "today"],
    "origins": ["security", ["unknown"], ["label"], ["colour=red"], ["origin=a=b"], [3],
                ["origin="], ["origin=${distro_name}"], ["origin=$"], ['origin="x"'], [], {}],
    "legacy_origins": ["a:b", ["origin1"], ["a:b:c"], ["a b"], ["${what}:x"], [1]],
}  # fmt: skip

HAND_WRITTEN = [
    ({"mial": {"to": "root"}}, "mial"),
    ({"mail": "root"}, "mail"),
    ({"mail": {"adress": "root"}}, "mail:adress"),
    ({"automatic_reboot": True}, "automatic_reboot"),
    ({"Unattended-Upgrade::Mail": "root"}, "Unattended-Upgrade::Mail"),
    ({"reboot": {"policy": "when_needed", "time": 22 * 60}}, "reboot:time"),
    ({"whitelist_strict": True}, "whitelist_strict"),
    ({"whitelist_strict": True, "whitelist": []}, "whitelist_strict"),
    ({"origins": []}, "origins"),
    ({"third_party": {"docker": "Docker"}, "origins": ["docker"]}, "third_party:docker"),
    ({"third_party": {"docker": {"colour": "blue"}}}, "third_party:docker"),
    ({"third_party": {"docker": {"origin": 'Do"cker'}}}, "third_party:docker"),
    ({"third_party": {"docker": {"origin": "a=b"}}}, "third_party:docker"),
    ({"third_party": {"security": {"origin": "x"}}}, "third_party:security"),
    ({"third_party": {"docker": {}}}, "third_party:docker"),
    ({"dpkg": {"conffile": "keep", "options": ["--force-confnew"]}}, "dpkg:options"),
    (
        {"needrestart": {"mode": "unmanaged", "never_restart": ["ssh.service"]}},
        "needrestart:never_restart",
    ),
    ({"blacklist": [".*"]}, "blacklist"),
    ({"blacklist": ["nginx", ".+"]}, "blacklist"),
    ({"blacklist": ["nginx|"]}, "blacklist"),
    (
        {"update_days": ["Mon"], "periodic": {"unattended_upgrade": 7}},
        "periodic:unattended_upgrade",
    ),
    ({"update_days": ["Mon"], "timers": {"upgrade": {"days": ["Tue"]}}}, "timers:upgrade:days"),
    (
        {"update_days": ["Mon"], "timers": {"upgrade": {"days": ["Mon"], "at": ["23:30"]}}},
        "timers:upgrade:days",
    ),
    ({"timers": {"upgrade": {"at": ["06:00"], "calendar": "daily"}}}, "timers:upgrade:calendar"),
    ({"timers": {"upgrade": "06:00"}}, "timers:upgrade"),
    ({"snapshot": {"delay": 2}}, "snapshot:delay"),
    ({"snapshot": {"keyring": "/k.gpg", "sources": []}}, "snapshot:keyring"),
    ({"snapshot": {"url": "https://m/{date}"}}, "snapshot:url"),
    ({"environments": {"prod": {"snapshot": {"delay": -2}}}}, "environments:prod:snapshot:delay"),
    ({"timers": {"install": {"at": ["06:00"]}}}, "timers:install"),
    ({"environment": "prod", "environments": {"dev": {}}}, "environment"),
    ({"environments": {"prod": {"mial": 1}}}, "environments:prod:mial"),
    ({"environments": {"prod": {"reboot": {"time": 240}}}}, "environments:prod:reboot:time"),
    ({"environments": {"prod": "all"}}, "environments:prod"),
    ({"environments": {"prod": {"environments": {}}}}, "environments:prod:environments"),
    ({"download": {"http_proxy": "http://user:secret@"}}, "download:http_proxy"),
    ({"periodic": {"unattended_upgrades": 1}}, "periodic:unattended_upgrades"),
    ({"mail": {"to": 'root"; APT::Periodic::Enable "0'}}, "mail:to"),
    ({"mail": {"to": "root\nDPkg::Pre-Invoke:: rm"}}, "mail:to"),
    ({1: 2, "mail": {"to": "root"}}, "1"),
    ({"environments": {1: {"x": 1}}}, "environments:1:x"),
    ([], ""),
    ("security", ""),
]


def nested(dotted, value):
    """``"mail.to"`` → ``{"mail": {"to": value}}``."""
    for part in reversed(dotted.split(".")):
        value = {part: value}
    return value


def generated():
    """Every key of the table with every wrong value of its kind."""
    for key in keys.KEYS + keys.FORMULA_KEYS:
        for value in WRONG_BY_KIND[key.kind]:
            yield nested(key.name, value), key.name.replace(".", ":")


def every():
    return [*HAND_WRITTEN, *generated()]
