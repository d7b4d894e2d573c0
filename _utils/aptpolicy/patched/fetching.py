"""Fresh package lists of what security updates come from; of others as far as they can be had.

The agent of a new instance fetches them before it asks what is pending. A repository from which
no security updates come may be dead: that is told, with the place where it is written.
"""

import os
import re
import shutil

from . import sources

SECONDS = 300  # for each of the two runs
UPDATE = ("apt-get", "-q", "update", "-o", "APT::Update::Error-Mode=any")
MOST_TOLD = 2  # of what is wrong, in one reason
FOLDER = "run/asgcycle/sources"  # entries that are fetched alone
# The second run knows these entries alone, and must not throw away the others' lists.
ALONE = ("-o", "Dir::Etc::SourceList=/dev/null", "-o", "APT::Get::List-Cleanup=0")
# Before apt knew Error-Mode a failed download was only a warning.
FAILED = re.compile(r"^(?:E:|Err:|W: Failed|W: GPG error|W: An error occurred).*", re.MULTILINE)
SUMMARY = ("E: Some index files failed", "E: Unable to fetch some")  # of lines before them


def fetch(run, ask, root="/"):
    """
    ``(why not, warnings)``: why not is None when every list that counts is fresh.

    ``run``: argv and seconds → exit code, output, errors; may raise OSError or what says that
    there was no answer. ``ask``: → the answer of the package, read after a first attempt at all.
    """
    code, out, err = run(list(UPDATE), SECONDS)
    failed = FAILED.findall(out + err)
    if code == 0 and not failed:
        return None, []
    known = sources.entries(root)
    if code != 0 and not failed:  # a lock, a broken file, no answer in time
        failed = [_last(out, err)]
    needed = [tuple(pair) for pair in ask()["used"]]
    mine = [entry for entry in known if (entry.uri, entry.suite) in needed]
    written = {(entry.uri, entry.suite) for entry in mine}
    lost = [" ".join(pair) for pair in needed if pair not in written]
    if lost or not needed:
        nowhere = [f"{what} is in no file of apt's sources that can be read" for what in lost]
        return "; ".join([*_told(failed, known), *nowhere][-MOST_TOLD:]), []
    why = _alone(run, _written(root, mine), mine)
    return (why, []) if why else (None, _told(failed, known))


def _alone(run, folder, mine):
    """Fetch the lists of these repositories and no others; None when each came."""
    code, out, err = run([*UPDATE, *ALONE, "-o", f"Dir::Etc::SourceParts={folder}"], SECONDS)
    failed = FAILED.findall(out + err)
    if code == 0 and not failed:
        return None
    return "; ".join((_told(failed, mine) or [_last(out, err)])[:MOST_TOLD])


def _written(root, mine):
    folder = os.path.join(root, FOLDER)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o755)
    for kind in (sources.LINE, sources.STANZA):
        text = "".join(dict.fromkeys(entry.text for entry in mine if entry.kind == kind))
        if text:
            with open(os.path.join(folder, "used" + kind), "w", encoding="utf-8") as handle:
                handle.write(text)
    return folder


def _told(failed, known):
    """One line for each place in the sources; apt says first that, then why."""
    found = {}
    for line in failed:
        text = " ".join(line.split())
        where = ", ".join(dict.fromkeys(entry.place for entry in sources.named(line, known)))
        if not line.startswith(SUMMARY) and (where or not line.startswith("Err:")):
            bare = found.get(where, "Err:").startswith("Err:") or not where
            found[where or text] = text if bare else found[where]
    return [text if text == where else f"{where}: {text}" for where, text in found.items()]


def _last(*texts):
    lines = [line.strip() for text in texts for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "apt-get update printed nothing"
