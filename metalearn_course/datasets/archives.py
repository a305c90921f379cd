"""Members of archives, read by name and up to a stated size; nothing is unpacked to the disk."""

import hashlib
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

MEMBERS = 200_000  # the most that an archive may list
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError, EOFError, NotImplementedError)


def zip_members(archive: Path, wanted: Callable[[str], bool], limit: int) -> Iterator[tuple[str, bytes]]:
    """(name, content) of the wanted members of a zip, sorted by name, each of at most `limit` bytes.

    Raises ValueError for archives that are damaged, encrypted, or larger inside than stated.
    """
    try:
        with zipfile.ZipFile(archive) as file:
            members = sorted((m for m in file.infolist() if wanted(m.filename)), key=lambda m: m.filename)
            _check_number(archive, len(file.infolist()))
            for member in members:
                if member.flag_bits & 1:
                    raise ValueError(f"{archive} is encrypted; give the archive without a password")
                with file.open(member) as stream:
                    yield member.filename, _read(archive, member.filename, stream, limit)
    except DAMAGE as error:
        raise _damaged(archive, error) from error


def tar_members(archive: Path, limits: dict[str, int]) -> dict[str, bytes]:
    """The members of a .tar.gz that `limits` names, each of at most so many bytes.

    Raises ValueError for archives that are damaged, lack a member, or are larger inside than stated.
    """
    found: dict[str, bytes] = {}
    try:
        with tarfile.open(archive, "r:gz") as file:
            for number, member in enumerate(file):
                _check_number(archive, number)
                if member.size > max(limits.values()):  # before it is unpacked on the way to the next
                    raise _too_large(archive, member.name, max(limits.values()))
                if member.name in limits and member.isfile():
                    with cast(IO[bytes], file.extractfile(member)) as stream:  # a file, so there is one
                        found[member.name] = _read(archive, member.name, stream, limits[member.name])
                if len(found) == len(limits):
                    break
    except (*DAMAGE, OSError) as error:
        raise _damaged(archive, error) from error
    missing = sorted(limits.keys() - found.keys())
    if missing:
        raise ValueError(f"{archive} has no {missing[0]}; delete it and fetch it again")
    return found


def read_file(file: Path, limit: int) -> bytes:
    """An unpacked file of at most `limit` bytes."""
    with file.open("rb") as stream:
        return _read(file.parent, file.name, stream, limit)


def md5(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _read(archive: Path, name: str, stream: IO[bytes], limit: int) -> bytes:
    data = stream.read(limit + 1)
    if len(data) > limit:
        raise _too_large(archive, name, limit)
    return data


def _too_large(archive: Path, name: str, limit: int) -> ValueError:
    return ValueError(
        f"{archive}: {name} unpacks to more than the {limit:,} bytes that it may have; this is not the official "
        "archive, fetch that"
    )


def _check_number(archive: Path, number: int) -> None:
    if number > MEMBERS:
        raise ValueError(f"{archive} lists more than {MEMBERS:,} members; this is not the official archive, fetch that")


def _damaged(archive: Path, error: Exception) -> ValueError:
    return ValueError(f"{archive} is damaged ({error}); delete it and fetch it again")
