"""The README's demo, as a newcomer starts it."""

import subprocess
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "bin" / "demo"


def demo(*arguments):
    return subprocess.run(
        [str(DEMO), *arguments], capture_output=True, text=True, timeout=180, check=False
    )


def test_the_demo_replaces_six_of_six_and_never_serves_with_less():
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 to replace, in this order:" in done.stdout
    assert "[##########] 6/6 replaced · serving 6" in done.stdout
    assert "6 of 6 replaced, launches 6, lowest serving 6 (live 6)" in done.stdout
    assert done.stdout.rstrip().endswith("exit code 0")


def test_an_unknown_story_is_one_clear_line():
    done = demo("--fault", "earthquake")
    assert done.returncode == 2
    assert "invalid choice: 'earthquake'" in done.stderr
