"""A checksummed cache for datasets that take a while to prepare.

One file a dataset. A file whose contents do not match their checksum is thrown away and built again.
"""

import os
import warnings
from collections.abc import Callable
from pathlib import Path

import platformdirs
from filelock import FileLock

from metalearn_course import files
from metalearn_course.files import Content


def folder() -> Path:
    """Where prepared data lives: $METALEARN_CACHE, or the user's own cache folder."""
    return Path(os.environ.get("METALEARN_CACHE") or platformdirs.user_cache_dir("metalearn-course"))


def cached(key: str, build: Callable[[], Content]) -> Content:
    """What `build` returns, from the file `key` if it is there and whole, else built and stored."""
    path = folder() / f"{key}.safetensors"
    found = _read(path)
    if found is not None:
        return found
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{path}.lock"):  # two notebooks started together build once
            found = _read(path)
            if found is None:
                found = build()
                files.write(path, *found)
    except OSError as error:
        found = found or build()
        warnings.warn(
            f"The prepared data could not be kept in {path.parent} ({error.strerror or error}); this run goes on "
            "without. To have it at once next time, free some space there, or set METALEARN_CACHE to a folder "
            "that you can write to.",
            stacklevel=3,
        )
    return found


def _read(path: Path) -> Content | None:
    if not path.exists():
        return None
    try:
        return files.read(path)
    except (ValueError, OSError) as error:
        warnings.warn(f"{error}; it is built again.", stacklevel=4)
        return None
