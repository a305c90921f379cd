"""Checksummed files: what was written comes back, or an error; never half a file."""

import errno
import os
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from metalearn_course.common import storage

TENSORS = {"weights": torch.linspace(-1, 1, 60).view(3, 20), "steps": torch.tensor([3, 4])}
INFO = {"names": ["未", "末"], "nested": {"rate": 0.1, "none": None}}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "some.safetensors"


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(6, dtype=torch.uint8),
        torch.tensor([True, False]),
        torch.tensor(2.5, dtype=torch.float64),
        torch.zeros(0, 3),
        torch.rand(4, 3).bfloat16(),
        torch.arange(12).view(3, 4).T,
        torch.rand(5, requires_grad=True),
    ],
    ids=["uint8", "bool", "no axis", "empty", "bfloat16", "transposed", "parameter"],
)
def test_any_tensor_comes_back_equal(path, tensor):
    storage.write(path, {"it": tensor}, {})
    found = storage.read(path)[0]["it"]
    assert found.dtype == tensor.dtype and torch.equal(found, tensor)


@pytest.mark.parametrize("info", [INFO, {}, {"steps": {10: "ten", 9: "nine"}}, {"b": 1, "a": float("inf")}])
def test_info_comes_back_as_json_says_it(path, info):
    storage.write(path, TENSORS, info)
    assert storage.read(path)[1] == {
        key: {str(k): v for k, v in value.items()} if isinstance(value, dict) else value for key, value in info.items()
    }


def test_a_damaged_byte_is_noticed_wherever_it_is(path):
    storage.write(path, TENSORS, INFO)
    whole = path.read_bytes()
    for position in range(0, len(whole), 7):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 0x11]) + whole[position + 1 :])
        with pytest.raises(ValueError, match="some.safetensors is damaged"):
            storage.read(path)


@pytest.mark.parametrize("length", [0, 4, 100, -1])
def test_a_file_cut_short_is_noticed(path, length):
    storage.write(path, TENSORS, INFO)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(ValueError, match="some.safetensors is damaged"):
        storage.read(path)


@pytest.mark.parametrize("header", [None, {"info": "{}"}, {"info": "{", "checksum": ""}, {"checksum": ""}])
def test_a_file_of_somebody_else_is_refused(path, header):
    save_file({"x": torch.zeros(2)}, path, metadata=header)
    with pytest.raises(ValueError, match="damaged or not ours"):
        storage.read(path)


def test_a_missing_file_is_an_oserror(path):
    with pytest.raises(FileNotFoundError, match="some.safetensors"):
        storage.read(path)


def test_an_interrupted_write_leaves_the_previous_file_and_no_half_one(path, monkeypatch):
    storage.write(path, TENSORS, INFO)
    before = path.read_bytes()
    monkeypatch.setattr(os, "replace", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.write(path, {"other": torch.ones(9)}, {})
    assert path.read_bytes() == before and os.listdir(path.parent) == [path.name]


def test_a_full_disk_is_an_oserror_that_leaves_nothing(path):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full, which this system does not have")
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.symlink_to("/dev/full")  # the disk runs full while the file is written
    with pytest.raises(OSError) as caught:
        storage.write(path, TENSORS, INFO)
    assert caught.value.errno == errno.ENOSPC and os.listdir(path.parent) == []


def test_others_may_read_the_file_where_the_user_lets_them(path):
    """A teacher fills the cache of a class."""
    before = os.umask(0o022)
    try:
        storage.write(path, TENSORS, INFO)
    finally:
        os.umask(before)
    if os.name == "posix":
        assert stat.S_IMODE(path.stat().st_mode) == 0o644


@pytest.mark.skipif(os.name != "posix", reason="Windows opens no folders")
def test_file_and_folder_are_on_the_disk_before_and_after_the_rename(path, monkeypatch):
    """Else a power cut may leave a new name without its content, or lose both."""
    happened = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda fd: (happened.append(kind(fd)), sync(fd)))
    monkeypatch.setattr(os, "replace", lambda *names: (happened.append("rename"), replace(*names)))
    storage.write(path, TENSORS, INFO)
    storage.write_text(path.with_name("some.json"), "{}")
    assert happened == ["file", "rename", "folder"] * 2


def kind(fd: int) -> str:
    return "folder" if stat.S_ISDIR(os.fstat(fd).st_mode) else "file"


def test_text_is_utf8_whatever_the_system_speaks_and_keeps_its_line_ends(path):
    storage.write_text(path, "未末\nü\n")
    assert path.read_bytes() == "未末\nü\n".encode()


def test_text_that_could_not_be_written_leaves_what_was_there(path, monkeypatch):
    storage.write_text(path, "before")
    monkeypatch.setattr(os, "replace", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        storage.write_text(path, "after")
    assert path.read_text(encoding="utf-8") == "before" and os.listdir(path.parent) == [path.name]


def _interrupted(*_):
    raise KeyboardInterrupt
