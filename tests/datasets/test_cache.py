"""The cache: build once, keep whole files only, and never stand in the way of the data."""

import errno
import os
import threading
import time
import warnings
from pathlib import Path

import pytest
import torch

from metalearn_course.common import storage
from metalearn_course.datasets import cache

INFO = {"names": ["a", "b"]}


class Builder:
    """Builds the same content each time, and counts."""

    def __init__(self, seconds=0.0):
        self.calls, self.seconds = 0, seconds

    def __call__(self):
        self.calls += 1
        time.sleep(self.seconds)
        return {"x": torch.arange(5000)}, INFO


@pytest.fixture
def build():
    return Builder()


@pytest.fixture
def kept(own_cache, build):
    """The file of a filled cache."""
    cache.cached("it", build)
    return own_cache / "it.safetensors"


def _is_right(content):
    tensors, info = content
    return torch.equal(tensors["x"], torch.arange(5000)) and info == INFO


def test_what_is_cached_is_built_only_once(own_cache, build):
    assert all(_is_right(cache.cached("it", build)) for _ in range(3))
    assert build.calls == 1


def test_every_key_has_its_own_content(own_cache, build):
    cache.cached("it", build)
    cache.cached("other", build)
    assert build.calls == 2


def test_two_who_start_together_build_once(own_cache):
    build, results = Builder(seconds=0.3), []
    both = [threading.Thread(target=lambda: results.append(cache.cached("it", build))) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert build.calls == 1 and len(results) == 2 and all(map(_is_right, results))


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "other"])
def test_a_damaged_file_is_built_again_with_one_warning(kept, build, damage):
    whole = kept.read_bytes()
    middle = len(whole) // 2
    flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    kept.write_bytes({"flip": flipped, "cut": whole[:middle], "empty": b"", "other": b"not ours" * 99}[damage])
    with pytest.warns(UserWarning, match="it.safetensors is damaged.*built again") as caught:
        assert _is_right(cache.cached("it", build))
    assert len(caught) == 1 and build.calls == 2
    assert _is_right(cache.cached("it", build)) and build.calls == 2  # mended for good


def test_an_interrupted_write_leaves_no_half_file(own_cache, build, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(os, "replace", interrupted)
        cache.cached("it", build)
    assert not [name for name in os.listdir(own_cache) if not name.endswith(".lock")]
    assert _is_right(cache.cached("it", build))  # the lock is free again


def test_a_full_disk_gives_a_warning_with_remedy_and_the_data_all_the_same(own_cache, build, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(storage, "write", full)
    with pytest.warns(UserWarning, match="No space left on device.*METALEARN_CACHE") as caught:
        assert _is_right(cache.cached("it", build))
    assert str(own_cache) in str(caught[0].message) and build.calls == 1


def test_a_cache_that_cannot_be_made_gives_a_warning_with_remedy_and_the_data(tmp_path, build, monkeypatch):
    (tmp_path / "file").write_text("in the way", encoding="utf-8")
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.warns(UserWarning, match="could not be kept in .*Not a directory.*METALEARN_CACHE"):
        assert _is_right(cache.cached("it", build))
    assert build.calls == 1


def test_a_read_only_cache_that_has_the_data_is_read_without_a_warning(kept, build, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(cache, "FileLock", refused)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert _is_right(cache.cached("it", build))
    assert build.calls == 1


def test_an_error_of_the_build_is_passed_on_and_not_taken_for_one_of_the_cache(own_cache):
    """A failed download is an OSError too; it must not be tried twice, nor reported as a full disk."""
    calls = []

    def fails():
        calls.append(1)
        raise ConnectionError("no network")

    with pytest.raises(ConnectionError, match="no network") as caught:
        cache.cached("it", fails)
    assert len(calls) == 1 and caught.value.__context__ is None


def test_the_folder_can_be_set_and_may_start_at_home(monkeypatch, tmp_path):
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.setenv("METALEARN_CACHE", "~/data")
    assert cache.folder() == Path.home() / "data"
    monkeypatch.delenv("METALEARN_CACHE")
    assert "metalearn-course" in str(cache.folder())
