"""A local signed package repository, with the Release fields that a test wants to see matched."""

from __future__ import annotations

import datetime
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.hosts.machine import Host

MOUNT = "/srv/repository"
"""Where a host sees the repository."""

KEY_OWNER = "Test repository <repository@test.invalid>"
COMMAND_DEADLINE_S = 60


@dataclass(frozen=True)
class Deb:
    """A package to build: architecture all, holding only what is given.

    ``conffiles`` maps absolute paths to texts; ``scripts`` maps maintainer script names
    (``postinst``, …) to their shell text; ``fields`` are more lines of its control file.
    """

    name: str
    version: str
    depends: str = ""
    conffiles: Mapping[str, str] = field(default_factory=dict)
    scripts: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, str] = field(default_factory=dict)

    def control(self) -> str:
        """Return the text of its control file."""
        lines = [
            f"Package: {self.name}",
            f"Version: {self.version}",
            "Architecture: all",
            "Section: misc",
            "Priority: optional",
            f"Maintainer: {KEY_OWNER}",
            f"Description: {self.name} for tests",
        ]
        if self.depends:
            lines.insert(3, f"Depends: {self.depends}")
        lines += [f"{name}: {value}" for name, value in self.fields.items()]
        return "\n".join(lines) + "\n"

    def build(self, work: Path, pool: Path) -> Path:
        """Build it below the directory ``work`` into the directory ``pool``; return the deb."""
        tree = work / f"{self.name}_{self.version}"
        control = tree / "DEBIAN"
        control.mkdir(parents=True)
        (control / "control").write_text(self.control())
        (control / "conffiles").write_text("".join(f"{path}\n" for path in self.conffiles))
        for name, text in self.scripts.items():
            (control / name).write_text(f"#!/bin/sh\nset -e\n{text}\n")
            (control / name).chmod(0o755)
        for path, text in self.conffiles.items():
            target = tree / path.lstrip("/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        deb = pool / f"{self.name}_{self.version}_all.deb"
        _run("dpkg-deb", "--root-owner-group", "-Znone", "--build", str(tree), str(deb))
        return deb


class Repository:
    """A repository in a directory; give :attr:`bind` to the hosts that are to see it."""

    def __init__(self, path: Path) -> None:
        """Make a repository with a signing key of its own in the new directory ``path``."""
        self.public = path / "public"
        self._work = path / "work"
        self._keys = path / "gnupg"
        for directory in (self.public, self._work):
            directory.mkdir(parents=True)
        self._keys.mkdir(mode=0o700)
        self._gpg("--quick-generate-key", KEY_OWNER, "ed25519", "sign", "never")
        self._gpg("--export", "--output", str(self.public / "key.gpg"))

    @property
    def bind(self) -> tuple[Path, str]:
        """What a host's setup needs in its ``binds``."""
        return (self.public, MOUNT)

    def publish(self, suite: str, debs: list[Deb], **release: str) -> None:
        """Publish a suite, replacing what it held.

        Args:
            suite: directory below ``dists``, as it is written in a sources list.
            debs: all packages that the suite offers.
            release: fields of its Release file: ``Origin="Ubuntu", Label=…, Codename=…``.
        """
        dists = self.public / "dists" / suite
        packages = dists / "main/binary-all"
        pool = self.public / "pool" / suite
        for directory in (packages, pool):
            directory.mkdir(parents=True, exist_ok=True)
        for old in pool.iterdir():
            old.unlink()
        work = self._work / f"{suite}-{len(list(self._work.iterdir()))}"
        for deb in debs:
            deb.build(work, pool)
        index = _run("apt-ftparchive", "packages", f"pool/{suite}", cwd=self.public)
        (packages / "Packages").write_text(index)
        for stale in ("Release", "InRelease"):
            (dists / stale).unlink(missing_ok=True)
        fields = {"Suite": suite, **release, "Components": "main", "Architectures": "all amd64"}
        options = [f"-oAPT::FTPArchive::Release::{key}={value}" for key, value in fields.items()]
        (dists / "Release").write_text(_run("apt-ftparchive", *options, "release", str(dists)))
        self._gpg("--clearsign", "--output", str(dists / "InRelease"), str(dists / "Release"))

    def snapshot(self, day: datetime.date, valid_until: datetime.date | None = None) -> None:
        """Keep what is published now as the folder ``snapshots/YYYYMMDD`` of a day.

        Its Release files are made at noon of that day and valid until noon of another, if given.
        """
        kept = self.public / f"snapshots/{day:%Y%m%d}"
        for name in ("dists", "pool"):
            shutil.copytree(self.public / name, kept / name)
        times = {"Date": day, "Valid-Until": valid_until}
        for release in kept.glob("dists/*/Release"):
            lines = [line for line in release.read_text().splitlines() if line[:5] != "Date:"]
            fields = [f"{k}: {v:%a, %d %b %Y} 12:00:00 UTC" for k, v in times.items() if v]
            release.write_text("\n".join([*fields, *lines]) + "\n")
            signed = release.with_name("InRelease")
            signed.unlink(missing_ok=True)
            self._gpg("--clearsign", "--output", str(signed), str(release))

    def line(self, suite: str) -> str:
        """Return the line for a host's sources list that takes a suite of this repository."""
        return f"deb [signed-by={MOUNT}/key.gpg] file:{MOUNT} {suite} main\n"

    def configure(self, host: Host, *suites: str, name: str = "local") -> None:
        """Let ``host`` take packages from ``suites``, and read their lists."""
        lines = "".join(map(self.line, suites))
        host.write(f"/etc/apt/sources.list.d/{name}.list", lines)
        only = f"-oDir::Etc::SourceList=/etc/apt/sources.list.d/{name}.list"
        host.run(
            "apt-get",
            "update",
            "-q",
            only,
            "-oDir::Etc::SourceParts=-",
            "-oAPT::Get::List-Cleanup=0",
        )

    def alone(self, host: Host, *suites: str) -> None:
        """Let ``host`` know nothing but ``suites``, as if it had never asked another archive."""
        host.sh("rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /var/lib/apt/lists/*")
        self.configure(host, *suites)

    def _gpg(self, *arguments: str) -> None:
        """Run gpg, and stop the agent that it starts: nothing may outlive a killed test run."""
        home = ("--homedir", str(self._keys))
        try:
            _run("gpg", *home, "--batch", "--yes", "--passphrase", "", *arguments)
        finally:
            _run("gpgconf", *home, "--kill", "all")


def _run(*command: str, cwd: Path | None = None) -> str:
    """Run a command on this machine and return what it printed.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=cwd, timeout=COMMAND_DEADLINE_S
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout
