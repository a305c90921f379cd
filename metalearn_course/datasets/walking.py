"""Every file below a folder: the pictures, and by kind what is none."""

import unicodedata
from pathlib import Path

from metalearn_course.datasets.notes import Notes
from metalearn_course.datasets.opening import endings

LEFTOVERS = {"thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx", "icon\r", "@eadir", "__pycache__", "$recycle.bin"}

Way = tuple[str, ...]  # the folders from the root down


def walk(root: Path, left_out: Notes) -> dict[Way, list[Path]]:
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
                left_out.add(kind, shown(entry, root))
    full = {()} | {way[:n] for way in pictures for n in range(len(way) + 1)}
    for way in sorted(folders):
        if way not in full and way[:-1] in full:
            left_out.add("folders without pictures", "/".join(way))
    return pictures


def _entries(folder: Path) -> list[Path]:
    """In the same order on every system."""
    try:
        return sorted(folder.iterdir(), key=lambda entry: (unicodedata.normalize("NFC", entry.name), entry.name))
    except PermissionError as error:
        raise PermissionError(f"the folder {folder} may not be read: its permissions forbid it") from error


def _kind(entry: Path, root: Path) -> str:
    """ "folder", "picture", or what to call it among the things that are left out."""
    if entry.name.startswith(".") or entry.name.casefold() in LEFTOVERS:
        return "leftovers of the system"
    ending = entry.suffix.lower()
    if entry.is_symlink() and (ending in endings() or entry.is_dir()):
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
    return "picture" if ending in endings() else f"{ending} files" if ending else "files without an ending"


def _target(link: Path) -> Path:
    try:
        return link.resolve()
    except (OSError, RuntimeError):  # it leads in a circle
        return link.absolute()


def shown(entry: Path, root: Path) -> str:
    return entry.relative_to(root).as_posix()
