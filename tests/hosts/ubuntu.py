"""Make a Debian host present itself as an Ubuntu release, as far as policy tools look.

There is no Ubuntu archive behind it: give it a local repository with Ubuntu's Release fields.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.hosts.machine import Host

ALLOWED_BY_DEFAULT = (
    "${distro_id}:${distro_codename}",
    "${distro_id}:${distro_codename}-security",
    "${distro_id}ESMApps:${distro_codename}-apps-security",
    "${distro_id}ESM:${distro_codename}-infra-security",
)
"""What Ubuntu's package of unattended-upgrades allows, in the legacy key Allowed-Origins."""


@dataclass(frozen=True)
class Ubuntu:
    """An Ubuntu release: its number and the first word of its name in lower case."""

    version: str = "24.04"
    codename: str = "noble"

    def suites(self) -> dict[str, dict[str, str]]:
        """Return the suites of its archives and of ESM with their Release fields."""
        esm = {
            f"{self.codename}-apps-security": "UbuntuESMApps",
            f"{self.codename}-infra-security": "UbuntuESM",
            f"{self.codename}-apps-legacy-security": "UbuntuESMApps",
            f"{self.codename}-infra-legacy-security": "UbuntuESM",
        }
        pockets = ["", "-security", "-updates", "-backports"]
        origins = {f"{self.codename}{pocket}": "Ubuntu" for pocket in pockets} | esm
        return {
            suite: {"Origin": origin, "Label": origin, "Suite": suite, "Codename": self.codename}
            for suite, origin in origins.items()
        }

    def disguise(self, host: Host) -> None:
        """Change what identifies the release of ``host``, and forget its Debian sources."""
        os_release = (
            f'PRETTY_NAME="Ubuntu {self.version} LTS"\nNAME="Ubuntu"\nID=ubuntu\nID_LIKE=debian\n'
            f'VERSION_ID="{self.version}"\nVERSION="{self.version} LTS ({self.codename.title()})"\n'
            f"VERSION_CODENAME={self.codename}\nUBUNTU_CODENAME={self.codename}\n"
        )
        lsb_release = (
            f"DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE={self.version}\n"
            f'DISTRIB_CODENAME={self.codename}\nDISTRIB_DESCRIPTION="Ubuntu {self.version} LTS"\n'
        )
        host.write("/usr/lib/os-release", os_release)
        host.write("/etc/lsb-release", lsb_release)
        host.write("/etc/dpkg/origins/ubuntu", "Vendor: Ubuntu\nVendor-URL: https://ubuntu.com/\n")
        host.sh("ln -sfn ubuntu /etc/dpkg/origins/default; rm -f /etc/debian_version")
        host.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")

    def packaged_configuration(self, host: Host) -> None:
        """Give ``host`` what Ubuntu's package writes where Debian's has written its own."""
        allowed = "".join(f'    "{pattern}";\n' for pattern in ALLOWED_BY_DEFAULT)
        host.write(
            "/etc/apt/apt.conf.d/50unattended-upgrades",
            f"Unattended-Upgrade::Allowed-Origins {{\n{allowed}}};\n",
        )
