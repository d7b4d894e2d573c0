"""A file that only root may read."""

import os
from pathlib import Path

MODE = 0o600


def keep(path, text, test=False):
    """
    Have the file at ``path`` say ``text``, nobody but its owner reading it; remove it for "".

    Return what was done, or with ``test`` would be: ``written``, ``removed``, None for nothing.
    No reader sees half of it, nor anybody else any of it.
    """
    path = Path(path)
    present = path.read_text(encoding="utf-8") if path.exists() else None
    if not text:
        if present is not None and not test:
            path.unlink()
        return None if present is None else "removed"
    if present == text and path.stat().st_mode & 0o777 == MODE:
        return None
    if not test:
        # A name that apt passes over without a word.
        beside = path.with_name(f"{path.name}~")
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(beside, path)
    return "written"
