"""How the world is put together."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from tests.lab import world as package
from tests.lab.world import World
from tests.lab.world.core import Core


def test_no_two_parts_of_the_world_define_the_same_name():
    parts = [part for part in World.__bases__ if part is not Core]
    names = Counter(name for part in parts for name in vars(part) if not name.startswith("__"))
    assert len(parts) > 5
    assert [name for name, times in names.items() if times > 1] == []


def test_the_world_imports_nothing_that_does_io_or_knows_the_time():
    allowed = {
        "__future__", "base64", "collections", "copy", "dataclasses", "datetime", "functools",
        "heapq", "itertools", "json", "math", "random", "typing",
    }  # fmt: skip
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found = {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                found = {node.module.split(".")[0]}
            else:
                continue
            assert found <= allowed, f"{path.name}: {found - allowed}"


def test_time_moves_only_forward_and_only_when_told():
    world = World(start=1000.0)
    seen = []
    world.clock.after(5, seen.append, "later")
    world.clock.after(1, seen.append, "sooner")
    assert (world.now, seen) == (1000.0, [])
    world.advance(1003.0)
    assert (world.now, seen, world.clock.next_due()) == (1003.0, ["sooner"], 1005.0)
    world.advance(1001.0)
    assert world.now == 1003.0
    world.advance(1010.0)
    assert (seen, world.clock.next_due()) == (["sooner", "later"], None)


def test_instance_ids_are_a_sequence_of_seventeen_hex_digits():
    world = World()
    assert [world.new_instance_id() for _ in range(2)] == [
        "i-00000000000000001",
        "i-00000000000000002",
    ]
