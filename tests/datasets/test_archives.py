"""Archives: what is larger inside than stated, encrypted or damaged is refused in one line."""

import io
import tarfile
import zipfile

import pytest

from metalearn_course.datasets import archives


@pytest.fixture
def zipped(tmp_path):
    """A zip with two small members."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("b.png", b"second")
        file.writestr("a.png", b"first")
        file.writestr("notes.txt", b"no picture")
    return tmp_path / "x.zip"


def _tar(path, **members):
    with tarfile.open(path, "w:gz") as file:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return path


def _read(archive, limit=100):
    return list(archives.zip_members(archive, lambda name: name.endswith(".png"), limit))


def test_the_wanted_members_are_read_by_name(zipped):
    assert _read(zipped) == [("a.png", b"first"), ("b.png", b"second")]


@pytest.mark.parametrize("limit, whole", [(6, True), (5, False)])
def test_a_member_beyond_the_limit_is_refused(zipped, limit, whole):
    if whole:
        assert len(_read(zipped, limit)) == 2
    else:
        with pytest.raises(ValueError, match="b.png unpacks to more than the 5 bytes"):
            _read(zipped, limit)


def test_the_limit_holds_for_what_is_unpacked_and_not_for_what_is_stated(tmp_path):
    """A header may lie about the size."""
    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", b"0" * 10_000_000)
    data = (tmp_path / "x.zip").read_bytes()
    (tmp_path / "x.zip").write_bytes(data.replace((10_000_000).to_bytes(4, "little"), (50).to_bytes(4, "little")))
    with pytest.raises(ValueError, match="unpacks to more than|is damaged"):
        _read(tmp_path / "x.zip")


def test_an_encrypted_archive_is_refused(zipped):
    data = bytearray(zipped.read_bytes())
    at = data.index(b"PK\x01\x02")
    while at >= 0:  # the bit that says so, in the directory
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 1)
    zipped.write_bytes(data)
    with pytest.raises(ValueError, match="x.zip is encrypted; give the archive without a password"):
        _read(zipped)


def test_endless_lists_of_members_are_refused(zipped, monkeypatch):
    monkeypatch.setattr(archives, "MEMBERS", 2)
    with pytest.raises(ValueError, match="more than 2 members"):
        _read(zipped)


@pytest.mark.parametrize("damage", [lambda d: d[:-10], lambda d: b"no zip", lambda d: b""])
def test_a_damaged_zip_is_refused(zipped, damage):
    zipped.write_bytes(damage(zipped.read_bytes()))
    with pytest.raises(ValueError, match="is damaged .*fetch it again"):
        _read(zipped)


def test_tar_members_are_read_by_name_and_nothing_is_unpacked(tmp_path):
    path = _tar(tmp_path / "x.tar.gz", **{"d/a": b"first", "../../evil": b"x", "d/b": b"second"})
    assert archives.tar_members(path, {"d/a": 5, "d/b": 6}) == {"d/a": b"first", "d/b": b"second"}
    assert [p.name for p in tmp_path.rglob("*")] == ["x.tar.gz"]


@pytest.mark.parametrize(
    "limits, message",
    [
        ({"d/a": 4}, "d/a unpacks to more than the 4 bytes"),
        ({"d/a": 4, "d/z": 9}, "d/a unpacks to more than the 4 bytes"),
        ({"d/z": 9}, "has no d/z"),
    ],
)
def test_tars_with_other_contents_are_refused(tmp_path, limits, message):
    with pytest.raises(ValueError, match=message):
        archives.tar_members(_tar(tmp_path / "x.tar.gz", **{"d/a": b"first"}), limits)


def test_a_large_stranger_is_not_unpacked_on_the_way(tmp_path):
    path = _tar(tmp_path / "x.tar.gz", stranger=b"0" * 1000, wanted=b"x")
    with pytest.raises(ValueError, match="stranger unpacks to more than the 10 bytes"):
        archives.tar_members(path, {"wanted": 10})


def test_a_link_in_place_of_a_member_is_not_followed(tmp_path):
    with tarfile.open(tmp_path / "x.tar.gz", "w:gz") as file:
        info = tarfile.TarInfo("a")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(info)
    with pytest.raises(ValueError, match="has no a"):
        archives.tar_members(tmp_path / "x.tar.gz", {"a": 10_000})


@pytest.mark.parametrize("damage", [lambda d: d[: len(d) // 2], lambda d: b"no tar", lambda d: b""])
def test_a_damaged_tar_is_refused(tmp_path, damage):
    path = _tar(tmp_path / "x.tar.gz", a=bytes(range(256)) * 8)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(ValueError, match="is damaged .*fetch it again"):
        archives.tar_members(path, {"a": 10_000})
