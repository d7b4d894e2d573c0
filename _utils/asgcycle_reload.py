"""
The library of this formula as one piece: all of it from one state of its files, never a mixture.

A minion and the processes of a master live for weeks, and a job inherits ``sys.modules`` from the
process that starts it. Salt executes loader modules again after a synchronisation, but what they
have imported with a plain ``import`` stays what it was (salt#15233, salt#66354). And Salt replaces
the files one by one. Therefore every loader module begins like this::

    import asgcycle_reload

    with asgcycle_reload.library(__file__):
        import aptpolicy.observe

Inside the block the packages come from a copy in memory of all files, read when none of them was
changing. A copy that is out of date is replaced as a whole, under a lock; a job that runs goes on
with the modules it holds. Bytecode is used only when it was made from the very same source: by
time and size alone, two changes within a second look the same.
"""

import ast
import contextlib
import importlib
import importlib.machinery
import importlib.util
import inspect
import marshal
import os
import sys
import threading
import time
import types
from dataclasses import dataclass
from pathlib import Path

import salt.utils.event

LIBRARIES = ("aptpolicy", "asgroll", "userdata")

PATIENCE_SECONDS = 10.0  # from the modules of a sync_all to its utilities it takes a few
QUIET_SECONDS = 1.0  # two files of one copy are never this far apart, even on a busy disk
TICK_SECONDS = 0.05  # a file system's clock may stand still for this long
POLL_SECONDS = 0.05

CHECKED_HASH = (3).to_bytes(4, "little")  # PEP 552: valid by the hash of the source alone
STAMP_BYTES = 16

ADVICE = (
    "A synchronisation is under way or was interrupted: run saltutil.sync_all again "
    "(for the master: salt-run saltutil.sync_all)."
)


class Mismatch(ImportError):
    """The library is not one piece, or not the one that the loader module was made for."""


@dataclass(frozen=True)
class Tree:
    """The packages in one folder as they were at one moment.

    Attributes:
        folder: path of the folder that holds the packages.
        signature: what no change of a file leaves alone, as :func:`_signature` gives it.
        sources: relative path → content.
    """

    folder: str
    signature: tuple
    sources: dict


def __virtual__():
    return False, "asgcycle_reload: for the modules of the formula, not for __utils__"


@contextlib.contextmanager
def library(loader_file):
    """
    Make the packages importable as one piece for the ``import`` lines of this block.

    loader_file
        ``__file__`` of the loader module; the library lies beside its folder or on ``sys.path``.

    Raises ImportError that says what to do when the files are not whole, or not those that the
    loader module was made for, and do not become so within ten seconds.
    """
    with _LOCK:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                tree = _fitting(loader_file)
                break
            except Mismatch:
                if time.monotonic() > deadline:
                    raise
                time.sleep(POLL_SECONDS)
        with _importing(tree):
            yield


def loaded(name, opts):
    """
    For ``__init__`` of a loader module: keep what runs apart from what is loaded later.

    Salt executes a module that it loads again in the namespace of the old one, whose functions
    may be running in a thread. With a copy in ``sys.modules`` the new code goes there instead.
    A minion that has loaded execution modules itself is told of what a highstate has synchronised.

    name
        ``__name__`` of the loader module.
    opts
        Salt's options, as ``__init__`` gets them.
    """
    spare = types.ModuleType(name)
    spare.__dict__.update(sys.modules[name].__dict__)
    sys.modules[name] = spare
    if ".module." in name and _STATE.pop("replaced", False):
        with salt.utils.event.get_event("minion", opts=opts, listen=False) as bus:
            bus.fire_event({}, "module_refresh")


def _fitting(loader_file):
    """The tree for this loader module, which the packages now come from."""
    tree = _whole(_folder(loader_file))
    own = tree.sources.get("asgcycle_reload.py", _STATE["own"])
    if own != _STATE["own"]:
        exec(compile(own, __file__, "exec"), globals())  # noqa: S102 -- this file, as it is now
        _STATE["own"] = own
        return _fitting(loader_file)
    kept = _STATE.get("tree")
    if kept is None or kept.sources != tree.sources:
        stale = [name for name in sys.modules if name.partition(".")[0] in LIBRARIES]
        for name in stale:
            del sys.modules[name]
        _STATE["replaced"] = bool(stale) and _changed_at(tree.signature) >= _STATE["born"]
    _STATE["tree"] = tree
    with _importing(tree):
        _compare(Path(loader_file))
    return tree


def _folder(loader_file):
    """The folder of the packages: beside that of the loader module, else on ``sys.path``."""
    beside = Path(loader_file).resolve().parents[1]
    places = [str(beside / "utils"), str(beside / "_utils"), *sys.path]
    for place in places:
        if any(os.path.isfile(os.path.join(place, name, "__init__.py")) for name in LIBRARIES):
            return place
    raise ImportError(
        f"the packages {', '.join(LIBRARIES)} are neither in {places[0]} nor on Python's path"
    )


def _whole(folder):
    """The packages of the folder; raises Mismatch while they are being changed."""
    signature = _signature(folder)
    kept = _STATE.get("tree")
    if kept and (kept.folder, kept.signature) == (folder, signature):
        return kept
    now, monotonic = time.time(), time.monotonic()
    if _STATE.get("seen", (None,))[0] != signature:
        _STATE["seen"] = signature, monotonic
    quiet = max(now - _changed_at(signature), monotonic - _STATE["seen"][1])
    if quiet < TICK_SECONDS:
        raise Mismatch(f"the files in {folder} are being changed. {ADVICE}")
    sources = _read(folder)
    if _signature(folder) != signature:
        raise Mismatch(f"the files in {folder} are being changed. {ADVICE}")
    served = _as_served(folder, signature, sources)
    if not served and quiet < QUIET_SECONDS:
        raise Mismatch(f"the files in {folder} are being changed. {ADVICE}")
    return Tree(folder, signature, sources)


def _signature(folder):
    """Path, times in nanoseconds, size and inode of each file, sorted."""
    found = []
    for path in _files(folder):
        with contextlib.suppress(FileNotFoundError):
            stat = path.stat()
            times = stat.st_mtime_ns, stat.st_ctime_ns
            found.append((str(path), *times, stat.st_size, stat.st_ino))
    return tuple(sorted(found))


def _changed_at(signature):
    """When a file was changed last, in seconds since the epoch."""
    return max((entry[2] for entry in signature), default=0) / 1e9


def _files(folder):
    yield Path(folder, "asgcycle_reload.py")
    for name in LIBRARIES:
        yield from Path(folder, name).rglob("*.py")


def _read(folder):
    found = {}
    for path in _files(folder):
        with contextlib.suppress(FileNotFoundError):
            found[path.relative_to(folder).as_posix()] = path.read_bytes()
    return found


def _as_served(folder, signature, sources):
    """
    Whether each file is one that the master has sent; raises Mismatch in the middle of a copy.

    Salt downloads all files to ``<cachedir>/files/<saltenv>/_utils`` before it copies the first
    one to ``<cachedir>/extmods/utils``. Files that differ from what was downloaded are those of
    before while the download is the younger one, and the rest of a copy that has not ended
    otherwise.
    """
    caches = list(Path(folder).parent.parent.glob("files/*/_utils"))
    sent = {path: _contents(caches, path) for path in sources}
    different = [
        path for path, contents in sent.items() if contents and sources[path] not in contents
    ]
    if different:
        downloaded = max((_changed_at(_signature(cache)) for cache in caches), default=0)
        if _changed_at(signature) >= downloaded:
            raise Mismatch(
                f"{len(different)} files in {folder} are not those that the master has sent, "
                f"{different[0]} among them. {ADVICE}"
            )
        return False
    return all(sent.values())


def _contents(folders, path):
    found = []
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):
            found.append(Path(folder, path).read_bytes())
    return found


def _compare(loader_file):
    """
    Raise Mismatch when the loader module uses what the library does not have or not in this way.

    A sync_all brings modules first and utilities last; in between, and after one that was
    interrupted, one of them is newer than the other.
    """
    try:
        tree = ast.parse(loader_file.read_bytes())
        names = _imported(tree)
    except (SyntaxError, FileNotFoundError) as exc:
        raise Mismatch(f"{loader_file} is being changed ({exc}). {ADVICE}") from exc
    for node in ast.walk(tree):
        try:
            if isinstance(node, ast.Attribute):
                _resolved(node, names)
            elif isinstance(node, ast.Call):
                _bind(node, _resolved(node.func, names))
        except (AttributeError, TypeError) as exc:
            raise Mismatch(
                f"{loader_file} and the library in {_STATE['tree'].folder} are of different "
                f"versions: {ast.unparse(node)}: {exc}. {ADVICE}"
            ) from exc


def _imported(tree):
    """What the module's own import lines bind to something of the packages, by name."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in (alias.name for alias in node.names):
                root = name.partition(".")[0]
                if root in LIBRARIES:
                    _import(name)
                    found[root] = sys.modules[root]
        elif isinstance(node, ast.ImportFrom) and node.module.partition(".")[0] in LIBRARIES:
            for alias in node.names:
                found[alias.asname or alias.name] = _import(node.module, alias.name)
    return found


def _import(module, name=None):
    try:
        found = importlib.import_module(module)
        if name is None or hasattr(found, name):
            return getattr(found, name) if name else found
        return importlib.import_module(f"{module}.{name}")
    except ModuleNotFoundError as exc:
        if (exc.name or "").partition(".")[0] in LIBRARIES:
            raise Mismatch(f"{exc}: it is older than what needs it. {ADVICE}") from exc
        raise


def _resolved(node, names):
    """What a dotted expression means, as far as it leads through modules and classes; or None."""
    if isinstance(node, ast.Name):
        return names.get(node.id)
    if not isinstance(node, ast.Attribute):
        return None
    owner = _resolved(node.value, names)
    return getattr(owner, node.attr) if isinstance(owner, types.ModuleType | type) else None


def _bind(call, function):
    """Raise TypeError when the function does not take these arguments."""
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    if function is None or starred or any(keyword.arg is None for keyword in call.keywords):
        return
    try:
        signature = inspect.signature(function)
    except ValueError:  # of a class written in C
        return
    signature.bind(*call.args, **{keyword.arg: None for keyword in call.keywords})


@contextlib.contextmanager
def _importing(tree):
    """Packages come from the tree, wherever ``sys.path`` leads to."""
    finder = _Finder(tree)
    sys.meta_path.insert(0, finder)
    _STATE["busy"] = True
    try:
        yield
    finally:
        _STATE["busy"] = False
        sys.meta_path.remove(finder)


class _Finder:
    def __init__(self, tree):
        self.tree = tree

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in LIBRARIES:
            return None
        relative = name.replace(".", "/")
        for file, inside in (f"{relative}/__init__.py", [relative]), (f"{relative}.py", None):
            if file in self.tree.sources:
                location = os.path.join(self.tree.folder, file)
                return importlib.util.spec_from_file_location(
                    name,
                    location,
                    loader=_Loader(name, location, self.tree),
                    submodule_search_locations=inside
                    and [os.path.join(self.tree.folder, relative)],
                )
        raise ModuleNotFoundError(f"No module named {name!r} in {self.tree.folder}", name=name)


class _Loader(importlib.machinery.SourceFileLoader):
    """Executes a source that is in memory, and gives out its neighbours from there."""

    def __init__(self, name, location, tree):
        super().__init__(name, location)
        self.tree = tree

    def get_data(self, path):
        relative = os.path.relpath(path, self.tree.folder).replace(os.sep, "/")
        found = self.tree.sources.get(relative)
        return super().get_data(path) if found is None else found

    def get_code(self, fullname):
        source = self.get_data(self.path)
        stamp = importlib.util.MAGIC_NUMBER + CHECKED_HASH + importlib.util.source_hash(source)
        kept = importlib.util.cache_from_source(self.path)
        with contextlib.suppress(OSError, EOFError, ValueError, TypeError):
            data = super().get_data(kept)
            if data[:STAMP_BYTES] == stamp:
                return marshal.loads(data[STAMP_BYTES:])  # noqa: S302 -- as Python's own import
        code = self.source_to_code(source, self.path)
        if not sys.dont_write_bytecode:
            self.set_data(kept, stamp + marshal.dumps(code))
        return code


def _in_a_new_process():
    """What a job must not inherit: the lock of another thread, and what that one has half done."""
    global _LOCK
    _LOCK = threading.RLock()
    if _STATE.pop("busy", False):
        _STATE.pop("tree", None)
    _STATE.update(born=time.time(), replaced=False)


# This file executes itself again in place when it has changed: the lock and the state stay.
if "_LOCK" not in globals():
    _LOCK = threading.RLock()
    _STATE = {"born": time.time(), "own": Path(__file__).read_bytes()}
    os.register_at_fork(after_in_child=lambda: globals()["_in_a_new_process"]())
