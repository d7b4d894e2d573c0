"""Print what apt knows about upgrades, as JSON. Run by the system's own Python, never imported.

Salt brings its own Python, which has no python-apt; /usr/bin/python3 has it wherever
unattended-upgrades is installed. Python 3.8 and newer.
"""

import json
import sys

BROKEN_STATES = ("HALF_CONFIGURED", "HALF_INSTALLED", "UNPACKED")


def repository(package_file):
    names = ("origin", "label", "archive", "codename", "component", "site")
    return {name: getattr(package_file, name, "") or "" for name in names}


def main():
    import apt_pkg

    apt_pkg.init()
    # No progress output, and the caches are used as they are: nothing is downloaded.
    cache = apt_pkg.Cache(None)
    policy = apt_pkg.Policy(cache)
    policy.read_pinfile(apt_pkg.config.find_file("Dir::Etc::preferences"))
    policy.read_pindir(apt_pkg.config.find_dir("Dir::Etc::preferencesparts"))
    broken_states = {getattr(apt_pkg, "CURSTATE_" + name) for name in BROKEN_STATES}
    files = [entry for entry in cache.file_list if not entry.not_source]
    places = {entry.id: index for index, entry in enumerate(files)}
    result = {"repositories": [repository(entry) for entry in files], "packages": [], "broken": []}
    result["tool_version"] = None
    for package in cache.packages:
        if not package.current_ver:
            continue
        if package.name == "unattended-upgrades":
            result["tool_version"] = package.current_ver.ver_str
        if package.current_state in broken_states:
            result["broken"].append(package.name)
        newer = []
        for version in package.version_list:
            if apt_pkg.version_compare(version.ver_str, package.current_ver.ver_str) <= 0:
                continue
            found = sorted({places[entry.id] for entry, _ in version.file_list
                            if entry.id in places})  # fmt: skip
            if found:
                newer.append({"version": version.ver_str, "repositories": found,
                              "priority": policy.get_priority(version)})  # fmt: skip
        if newer:
            result["packages"].append({
                "name": package.name,
                "arch": package.architecture,
                "installed": package.current_ver.ver_str,
                "held": package.selected_state == apt_pkg.SELSTATE_HOLD,
                "newer": newer,
            })  # fmt: skip
    json.dump(result, sys.stdout)


if __name__ == "__main__":
    main()
