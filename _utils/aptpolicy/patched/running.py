"""What still runs that an upgrade has replaced: processes and the kernel.

dpkg renames a new file over the old one, so that the maps of a process that loaded the old one
name it with ``(deleted)`` (proc_pid_maps(5)). What an interpreter has read, and a script that runs,
is not seen in this way. Linux only; complete as root.
"""

import glob
import os
import re

from .decide import note

SYSTEM_FOLDERS = ("/usr/", "/bin/", "/sbin/", "/lib")
NOT_INSTALLED = ("/usr/local/", "/usr/src/")  # dpkg puts nothing there
DELETED = " (deleted)"
MAP = re.compile(r"\S+ ..x. \S+ \S+ \d+ +(/.+) \(deleted\)$", re.MULTILINE)
UNIT = re.compile(r"/([^/]+\.(?:service|scope))(?:/|$)")
CONTAINER = "run/systemd/container"  # there the kernel is the host's business
KERNEL = "vmlinuz-"
RELEASE = re.compile(r"(\d[\d.]*)((?:[+~][\w.~]+)?(?:-\d[\w.+~]*|-rc\d+)*)-?(.*)")
LIBRARY = re.compile(r"(.+/lib[^/]+?)(?:-\d[\w.]*)?\.so\b")
# What only the initramfs hands over, at a boot.
MICROCODE = ("intel-microcode", "amd64-microcode")


def look(root="/", release=None, version=None):
    """
    Look at a host once.

    ``release``, ``version``: of the kernel, as ``uname -r`` and ``-v`` print them.
    ``{processes: [{pid, name, unit, files, packages}], containers: [names of units], kernel:
    {running, newest, replaced} or None, microcode: [packages], flag: [packages] or None,
    unknown: [{what, why}]}``; ``kernel`` is None in a container, ``flag`` where no package has
    asked for a reboot.
    """
    uname = os.uname()
    found, containers, unknown = _processes(root)
    owners = _owners(root, {path for one in found for path in one["files"]})
    processes = []
    for one in found:
        files = [path for path in one["files"] if path in owners or _is_system(path)]
        if files:
            packages = sorted({owners[path] for path in files if path in owners})
            processes.append(dict(one, files=files, packages=packages))
    release = release or uname.release
    contained = os.path.exists(os.path.join(root, CONTAINER))
    return {
        "processes": processes,
        "containers": containers,
        "kernel": None
        if contained
        else kernel(release, version or uname.version, _kernels(root), _image(root, release)),
        "microcode": [] if contained else _newer_than_boot(root, MICROCODE),
        "flag": _flag(root),
        "unknown": unknown,
    }


# -- processes ----


def deleted(maps):
    """The files of executable mappings that are deleted, of the text of a process's maps."""
    return sorted(set(MAP.findall(maps))) if DELETED in maps else []


def unit_of(cgroup):
    """The unit of systemd that a process belongs to, of the text of its cgroup; None without."""
    for line in cgroup.splitlines():
        number, controllers, path = line.split(":", 2)
        if number == "0" or controllers == "name=systemd":
            match = UNIT.search(path)
            if match:
                return match.group(1)
    return None


def _is_system(path):
    return path.startswith(SYSTEM_FOLDERS) and not path.startswith(NOT_INSTALLED)


def _processes(root):
    """``(processes with deleted files, units of containers with such, unknown)``."""
    proc = os.path.join(root, "proc")
    found, containers, unreadable = [], set(), 0
    try:
        pids = sorted((name for name in os.listdir(proc) if name.isdigit()), key=int)
    except OSError as exc:
        return [], [], [note("running", f"/proc cannot be read: {exc}")]
    for pid in pids:
        folder = os.path.join(proc, pid)
        try:
            files = deleted(_text(os.path.join(folder, "maps")))
            if not files:
                continue
            unit = unit_of(_text(os.path.join(folder, "cgroup")))
            if _has_other_root(proc, pid):
                containers.add(unit or f"process {pid}")
                continue
            found.append({"pid": int(pid), "name": _name(folder), "unit": unit, "files": files})
        except PermissionError:
            unreadable += 1
        except (FileNotFoundError, ProcessLookupError):  # it has ended
            continue
    why = f"{unreadable} of {len(pids)} processes may not be looked at; root may"
    return found, sorted(containers), [note("running", why)] if unreadable else []


def _name(folder):
    """How a process calls itself: its title, as that of sshd, else its command."""
    title = _text(os.path.join(folder, "cmdline")).split("\0")[0]
    return title if ": " in title else _text(os.path.join(folder, "comm")).strip()


def _has_other_root(proc, pid):
    """Whether a process lives in a container: another mount namespace with another root.

    Services with private folders have a namespace of their own, but the same root.
    """
    first, own = (os.path.join(proc, one) for one in ("1", pid))
    try:
        if os.readlink(first + "/ns/mnt") == os.readlink(own + "/ns/mnt"):
            return False
        a, b = os.stat(first + "/root/."), os.stat(own + "/root/.")
    except FileNotFoundError:
        return False
    return (a.st_dev, a.st_ino) != (b.st_dev, b.st_ino)


def _owners(root, paths):
    """Path → package that dpkg has it from, of those that it has."""
    found = {}
    for package, text in _listings(root) if paths else ():
        lines = set(text.split("\n"))
        found.update((path, package) for path in paths if lines.intersection(_aliases(path)))
    # A library's file name may have changed with its version.
    stems = {path: LIBRARY.match(path) for path in set(paths) - set(found)}
    wanted = {path: stem.group(1) for path, stem in stems.items() if stem}
    for package, text in _listings(root) if wanted else ():
        for path, stem in wanted.items():
            names = "|".join(map(re.escape, _aliases(stem)))
            if re.search(rf"\n(?:{names})(?:-\d[\w.]*)?\.so\b", text):
                found.setdefault(path, package)
    return found


def _aliases(path):
    """The same file as dpkg may list it, where /lib is a link to /usr/lib."""
    short = re.sub("^/usr/(s?bin/|lib)", r"/\1", path)
    return {path, short, "/usr" + short}


def _listings(root):
    """``(package, text with a path a line)`` of everything that is installed."""
    for path in glob.glob(os.path.join(root, "var/lib/dpkg/info/*.list")):
        yield os.path.basename(path)[: -len(".list")].partition(":")[0], _text(path)


# -- the kernel ----


def kernel(release, version, installed, image):
    """
    The running kernel against those that the boot loader could start.

    ``installed``: their releases. ``image``: version of the package of the running one, None when
    there is none. ``{running, newest, replaced}``: ``newest`` is a newer release of the same
    flavour, ``replaced`` the package's version when it is not the one that runs.
    """
    own, flavour = parsed(release)
    newer = [one for one in installed if parsed(one)[1] == flavour and parsed(one)[0] > own]
    return {
        "running": release,
        "newest": max(newer, key=lambda one: parsed(one)[0]) if newer else None,
        "replaced": image if image and not _is_built_as(image, version) else None,
    }


def parsed(release):
    """``6.1.0-18-cloud-amd64`` → ``((6, 1, 0, 18), "cloud-amd64")``: version and flavour."""
    match = RELEASE.match(release)
    if not match:
        return (), release
    text = match.group(1) + match.group(2)
    # A candidate of a release comes before the release.
    parts = [-1 if part == "rc" else int(part) for part in re.findall(r"\d+|rc", text)]
    return tuple(parts), match.group(3)


def _is_built_as(image, version):
    """Whether the kernel that calls itself so is of this package's version; True when unknown."""
    debian = re.search(r" Debian (\S+)", version)
    if debian:
        return debian.group(1) == image
    ubuntu = re.match(r"#(\S+)-Ubuntu", version)
    if ubuntu:  # 5.15.0-91.101 is built as #101
        return image.partition("-")[2].partition(".")[2] == ubuntu.group(1)
    return True


def _kernels(root):
    names = (os.path.basename(path) for path in glob.glob(os.path.join(root, "boot", KERNEL + "*")))
    return [name[len(KERNEL) :] for name in names]


def _image(root, release):
    """Version of the package that brings a kernel; None when none does."""
    status = _text(os.path.join(root, "var/lib/dpkg/status"))
    names = "linux-image-(unsigned-)?" + re.escape(release) + "(-unsigned)?"
    block = re.search(rf"^Package: {names}\n(.+\n)*?Version: (.+)$", status, re.MULTILINE)
    return block.group(4) if block and "Status: install ok installed" in block.group(0) else None


def _newer_than_boot(root, packages):
    """Those of the packages that were unpacked after the boot."""
    booted = re.search(r"^btime (\d+)$", _text(os.path.join(root, "proc/stat")), re.MULTILINE)
    found = []
    for name in packages if booted else ():
        try:
            unpacked = os.stat(os.path.join(root, f"var/lib/dpkg/info/{name}.list")).st_mtime
        except FileNotFoundError:
            continue
        if unpacked > int(booted.group(1)):
            found.append(name)
    return found


def _flag(root):
    """The packages that have asked for a reboot, None when none has."""
    if not os.path.exists(os.path.join(root, "run/reboot-required")):
        return None
    return list(dict.fromkeys(_text(os.path.join(root, "run/reboot-required.pkgs")).split()))


def _text(path):
    """A file's text, empty when it is missing; raises PermissionError."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""
