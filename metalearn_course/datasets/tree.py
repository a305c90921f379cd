"""Which folders are classes, by where the pictures lie."""

import unicodedata
from pathlib import Path
from typing import NamedTuple

from metalearn_course.datasets.notes import Notes, listed
from metalearn_course.datasets.walking import Way, shown, walk

PARTS = {"train", "training", "val", "valid", "validation", "test", "testing"}  # of a dataset, not families of classes


class Found(NamedTuple):
    classes: dict[str, list[Path]]  # the pictures of each, sorted by name
    parts: dict[str, set[str]]  # class names by "train", "val" and "test", where the folders are called so
    noted: Notes
    left_out: Notes


def find(root: Path, depth: int | None = None, together: bool | None = None) -> Found:
    """The classes below `root`.

    depth: how many folders down a class is, 1 for root/CLASS, 2 for root/FAMILY/CLASS; pictures further
    down belong to the class above them. None asks the folders: classes are where the pictures lie, if
    all lie equally deep; if pictures lie in each of the first folders and also below, these are the classes.
    together: whether root/A/CLASS and root/B/CLASS are one class; by default where A and B are parts of a
    dataset by their names (train, test), and not where they are families (Greek/character01).
    Raises ValueError where that is unclear, where there are no pictures, and for links that lead out.
    """
    noted, left_out = Notes(), Notes()
    pictures = walk(root, left_out)
    ways = [way for way in pictures if way]
    if not ways:
        raise ValueError(_nothing(root, pictures, left_out))
    skip = _common(ways)
    if depth is None:
        depth = len(skip) + _depth(root, [way[len(skip) :] for way in ways], skip)
    in_families = depth > len(skip) + 1
    by_parts = in_families and {way[len(skip)].casefold() for way in ways} <= PARTS
    together = in_families and (by_parts if together is None else together)
    first = len(skip) + together if depth > len(skip) else 0  # where the name of a class begins
    classes = _classes(root, pictures, depth, first, noted, left_out)
    if not classes:
        raise ValueError(f"{root}: no pictures lie {depth} folders down (depth={depth}); left out: {left_out.line()}")
    if in_families and not together:
        _note_equal_names(classes, noted)
    parts: dict[str, set[str]] = {}
    for way in ways if by_parts and together else []:
        parts.setdefault(_part(way[len(skip)]), set()).add(_name(way[first:depth]))
    return Found(classes, parts, noted, left_out)


def _classes(root: Path, pictures: dict[Way, list[Path]], depth: int, first: int, noted: Notes, left_out: Notes):
    """The pictures by class, whose name are the folders from `first` to `depth`; sorted."""
    if depth < 1:
        raise ValueError(f"depth={depth}: give how many folders down a class is, at least 1")
    classes: dict[str, list[Path]] = {}
    spelt: dict[str, set[str]] = {}
    for way, files in sorted(pictures.items()):
        if len(way) < depth:
            _add(left_out, "pictures beside or above the class folders", root, files)
            continue
        if len(way) > depth:
            _add(noted, "pictures from folders below the class folders", root, files)
        name = _name(way[first:depth])
        spelt.setdefault(name, set()).add("/".join(way[first:depth]))
        classes.setdefault(name, []).extend(files)
    _check_names(root, spelt, noted)
    return dict(sorted(classes.items()))


def _name(way: Way) -> str:
    """The same on every system: some store accents composed, some apart."""
    return unicodedata.normalize("NFC", "/".join(way))


def _note_equal_names(classes: dict[str, list[Path]], noted: Notes) -> None:
    """Families that all have classes of the same names look like one dataset drawn several times."""
    families: dict[str, set[str]] = {}
    for name in classes:
        family, _, own = name.rpartition("/")
        families.setdefault(family, set()).add(own)
    first, *others = families.values()
    if others and all(names == first for names in others):
        kind = "folders with equal class names, read as different classes (together=True, --together: as one each)"
        for family in families:
            noted.add(kind, family)


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
        notes.add(kind, shown(file, root))


def _nothing(root: Path, pictures: dict[Way, list[Path]], left_out: Notes) -> str:
    """Why there are no classes."""
    if pictures:
        what = f"pictures ({listed([shown(file, root) for file in pictures[()]])}), but none in class folders"
        return f"{root} has {what}; put the pictures of each class into a folder of its own there"
    if left_out.names:
        return (
            f"{root} has no pictures that can be read, in no folder; it has {left_out.line()}. Give a folder with "
            "one folder of pictures per class, in PNG, JPEG or another format that Pillow reads"
        )
    return f"{root} has no class folders; put the pictures of each class into a folder of its own there"
