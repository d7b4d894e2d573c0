"""A formula that can be released again and again, each time with its number in every file."""

import re
import shutil
import time

from tests.lab.salt_run import REPO

FOLDERS = ("_modules", "_states", "_grains", "_utils", "_runners", "_output")

#: What a loader module is given for the test: the numbers of all files that it can reach.
ASK = '''

def generation(seconds=0):
    """The generations before and after so many seconds."""
    import time

    before = _generations()
    time.sleep(seconds)
    return [before, _generations()]


def _generations():
    import types

    found, reached = {GENERATION}, []
    waiting = [value for value in globals().values() if isinstance(value, types.ModuleType)]
    while waiting:
        module = waiting.pop()
        if module in reached or module.__name__.partition(".")[0] not in LIBRARIES:
            continue
        reached.append(module)
        found.add(module.GENERATION)
        waiting += [value for value in vars(module).values() if isinstance(value, types.ModuleType)]
    assert reached
    return sorted(found)


LIBRARIES = ("aptpolicy", "asgroll", "userdata")
'''
GRAIN = """

def released():
    return {"generation": _generations()}
"""
FLAG = '"run/reboot-required"'
NUMBER = re.compile(r"\nGENERATION = \d+\n$")


class Release:
    """The file root of a master.

    Args:
        folder: where it is made.
    """

    def __init__(self, folder):
        self.folder = folder
        for name in FOLDERS:
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(REPO / name, folder / name, ignore=ignored)
        for path in ("_modules/unattended_upgrades.py", "_runners/asgcycle.py"):
            self._append(path, ASK)
        self._append("_grains/unattended_upgrades.py", ASK + GRAIN)
        # The hosts of the test are this machine, whose own flag is left alone.
        self.reboot_required = folder / "reboot-required"
        asking = folder / "_utils" / "aptpolicy" / "patched" / "running.py"
        assert FLAG in asking.read_text()
        asking.write_text(asking.read_text().replace(FLAG, f'"{self.reboot_required}"'))
        shutil.copytree(REPO / "unattended-upgrades", folder / "unattended-upgrades")
        (folder / "top.sls").write_text("base: {'*': [nothing]}\n")
        (folder / "nothing.sls").write_text("nothing: test.succeed_without_changes\n")
        self.number = 0
        self.next()

    def _append(self, path, text):
        path = self.folder / path
        path.write_text(path.read_text() + text)

    def next(self):
        """Release it again; returns the number."""
        self.number += 1
        for path in self.folder.glob("_*/**/*.py"):
            text = NUMBER.sub("", path.read_text())
            path.write_text(f"{text}\nGENERATION = {self.number}\n")
        return self.number


def until(question, seconds=30):
    """The first answer that is true."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"not within {seconds} seconds: {question}"
        time.sleep(0.2)
    return answer
