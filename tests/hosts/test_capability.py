"""Why hosts cannot be booted is said in words, so that skipped tests explain themselves."""

import os
import urllib.error
import urllib.request

import pytest

from tests.hosts import capability, roots
from tests.hosts.sources import Mirror, NoMirror


@pytest.fixture(autouse=True)
def anew():
    capability.why_not.cache_clear()
    yield
    capability.why_not.cache_clear()


def test_without_root_the_reason_is_root(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "needs root" in capability.why_not()


def test_a_missing_command_is_named_with_the_packages_to_install(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(capability, "COMMANDS", ("mmdebstrap-that-nobody-has",))
    reason = capability.why_not()
    assert "mmdebstrap-that-nobody-has" in reason
    assert "systemd-container" in reason


def test_a_machine_without_a_debian_mirror_says_so(monkeypatch):
    def none():
        raise NoMirror("its apt names none")

    monkeypatch.setattr(roots.sources, "own_mirror", none)
    assert roots.why_unreachable(12) == "its apt names none"


def test_an_unreachable_archive_is_named_with_its_release(monkeypatch):
    def offline(*_, **__):
        raise urllib.error.URLError("no route")

    mirror = Mirror("http://127.0.0.1:9/debian", "http://127.0.0.1:9/security")
    monkeypatch.setattr(roots.sources, "own_mirror", lambda: mirror)
    monkeypatch.setattr(urllib.request, "urlopen", offline)
    reason = roots.why_unreachable(12)
    assert "Debian 12" in reason
    assert "no route" in reason


@pytest.mark.parametrize(("code", "said"), [(404, "no longer on the mirror"), (503, "503")])
def test_a_release_that_has_left_the_mirror_is_told_apart_from_trouble(monkeypatch, code, said):
    def answer(request, **_):
        raise urllib.error.HTTPError(request.full_url, code, "answer", {}, None)

    mirror = Mirror("http://127.0.0.1:9/debian", "http://127.0.0.1:9/security")
    monkeypatch.setattr(roots.sources, "own_mirror", lambda: mirror)
    monkeypatch.setattr(urllib.request, "urlopen", answer)
    assert said in roots.why_unreachable(11)
