"""Where pictures lie below a folder, and which folders are classes."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

from metalearn_course.datasets.notes import Notes, listed
from metalearn_course.datasets.opening import endings

LEFTOVERS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r", "@eadir", "__pycache__", "$recycle.bin"}
PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}  # of a dataset, not families of classes

Way = tuple[str, ...]  # the folders from the root down


class Found(NamedTuple):
    classes: dict[str, list[Path]]  # the pictures of each, sorted by name
    parts: dict[str, set[str]]  # class names by "train", "val" and "test", where the folders are called so
    noted: Notes
    left_out: Notes


def find(root: Path, depth: int | None = None) -> Found:
    """The classes below `root`.

    depth: how many folders down a class is, 1 for root/CLASS, 2 for root/FAMILY/CLASS; pictures further
    down belong to the class above them. None asks the folders: classes are where the pictures lie, if
    all lie equally deep; if pictures lie in each of the first folders and also below, these are the classes.
    Raises ValueError where that is unclear, where there are no pictures, and for links that lead out.
    """
    noted, left_out = Notes(), Notes()
    pictures = _walk(root, left_out)
    ways = [way for way in pictures if way]
    if not ways:
        raise ValueError(_nothing(root, pictures, left_out))
    skip = _common(ways)
    depth = len(skip) + _depth(root, [way[len(skip) :] for way in ways], skip) if depth is None else depth
    if depth < 1:
        raise ValueError(f"depth={depth}: give how many folders down a class is, at least 1")
    by_parts = depth - len(skip) > 1 and {way[len(skip)].casefold() for way in ways} <= PARTS
    first = len(skip) + by_parts if depth > len(skip) + by_parts else 0  # where a class's name begins
    classes: dict[str, list[Path]] = {}
    parts: dict[str, set[str]] = {}
    spelt: dict[str, set[str]] = {}
    for way, files in sorted(pictures.items()):
        if len(way) < depth:
            _add(left_out, "pictures beside or above the class folders", root, files)
            continue
        if len(way) > depth:
            _add(noted, f"pictures from folders below the class folders, depth={depth}", root, files)
        own = "/".join(way[first:depth])
        name = unicodedata.normalize("NFC", own)
        spelt.setdefault(name, set()).add(own)
        classes.setdefault(name, []).extend(files)
        if by_parts:
            parts.setdefault(_part(way[len(skip)]), set()).add(name)
    if not classes:
        raise ValueError(f"{root}: no pictures lie {depth} folders down (depth={depth}); left out: {left_out.line()}")
    _check_names(root, spelt, noted)
    return Found(dict(sorted(classes.items())), parts, noted, left_out)


def _walk(root: Path, left_out: Notes) -> dict[Way, list[Path]]:
    """The pictures in every folder below the root, those in the root itself under ()."""
    pictures: dict[Way, list[Path]] = {}
    folders, waiting = [], [root]
    while waiting:
        folder = waiting.pop()
        folders.append(folder.relative_to(root).parts)
        for entry in _entries(folder):
            kind = _kind(entry, root)
            if kind == "folder":
                waiting.append(entry)
            elif kind == "picture":
                pictures.setdefault(folders[-1], []).append(entry)
            else:
                left_out.add(kind, _shown(entry, root))
    full = {way[:n] for way in pictures for n in range(len(way) + 1)}
    for way in sorted(folders):
        if way not in full and way[:-1] in full:
            left_out.add("folders without pictures", "/".join(way))
    return pictures


def _entries(folder: Path) -> list[Path]:
    """In the same order on every system."""
    try:
        return sorted(folder.iterdir(), key=lambda entry: unicodedata.normalize("NFC", entry.name))
    except PermissionError as error:
        raise PermissionError(f"the folder {folder} may not be read: its permissions forbid it") from error


def _kind(entry: Path, root: Path) -> str:
    """ "folder", "picture", or what to call it among the things that are left out."""
    if entry.name.startswith(".") or entry.name.casefold() in LEFTOVERS:
        return "leftovers of the system"
    if entry.is_symlink():
        if not _target(entry).is_relative_to(root):
            raise ValueError(
                f"{entry} is a link that leads out of the folder, to {_target(entry)}; put copies of the pictures in "
                "its place, or load the folder that it leads to"
            )
        if not entry.exists():
            return "links that lead nowhere"
        if entry.is_dir():
            return "links to folders that are read in their own place"
    if entry.is_dir():
        return "folder"
    if not entry.is_file():
        return "entries that are neither files nor folders"
    ending = entry.suffix.lower()
    return "picture" if ending in endings() else f"{ending} files" if ending else "files without an ending"


def _target(link: Path) -> Path:
    try:
        return link.resolve()
    except (OSError, RuntimeError):  # it leads in a circle
        return link.absolute()


def _common(ways: list[Way]) -> Way:
    """The folders that every picture lies below, but for its own: what an unpacked archive wraps around."""
    common: Way = ()
    while all(len(way) > len(common) + 1 for way in ways) and len({way[: len(common) + 1] for way in ways}) == 1:
        common = ways[0][: len(common) + 1]
    return common


def _depth(root: Path, ways: list[Way], skip: Way) -> int:
    """How many folders down the classes are, below those in `skip`."""
    levels = {len(way) for way in ways}
    if len(levels) == 1:
        return levels.pop()
    if {way[0] for way in ways} == {way[0] for way in ways if len(way) == 1}:
        return 1
    shallow, deep = min(ways, key=len), max(ways, key=len)
    raise ValueError(
        f"{root}: pictures lie at several depths, in {'/'.join(skip + shallow)} and in {'/'.join(skip + deep)}. Say "
        f"which folders are the classes: depth={len(skip) + 1} (--depth {len(skip) + 1}) takes the folders "
        f"{len(skip) + 1} down, with all that lies below them; depth={len(skip) + len(deep)} those further down, "
        "and names what it leaves out"
    )


def _part(folder: str) -> str:
    return next(part for part in ("train", "val", "test") if folder.casefold().startswith(part))


def _check_names(root: Path, spelt: dict[str, set[str]], noted: Notes) -> None:
    twice = next((ways for ways in spelt.values() if len(ways) > 1), None)
    if twice:
        raise ValueError(
            f"{root} has {len(twice)} folders that are called {min(twice)!r}, with accents encoded in different ways; "
            "rename one of them, or put their pictures together"
        )
    seen: dict[str, str] = {}
    for name in sorted(spelt):
        twin = seen.setdefault(name.casefold(), name)
        if twin != name:
            noted.add("classes whose names differ in capitals alone", f"{twin} and {name}")


def _add(notes: Notes, kind: str, root: Path, files: list[Path]) -> None:
    for file in files:
        notes.add(kind, _shown(file, root))


def _shown(entry: Path, root: Path) -> str:
    return entry.relative_to(root).as_posix()


def _nothing(root: Path, pictures: dict[Way, list[Path]], left_out: Notes) -> str:
    """Why there are no classes."""
    if pictures:
        what = f"pictures ({listed([_shown(file, root) for file in pictures[()]])}), but none in class folders"
        return f"{root} has {what}; put the pictures of each class into a folder of its own there"
    if left_out.names:
        return (
            f"{root} has no pictures that can be read, in no folder; it has {left_out.line()}. Give a folder with "
            "one folder of pictures per class, in PNG, JPEG or another format that Pillow reads"
        )
    return f"{root} has no class folders; put the pictures of each class into a folder of its own there"
