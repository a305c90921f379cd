"""A checksummed cache for datasets that take a while to prepare.

One file a dataset. A file whose contents do not match their checksum is thrown away and built again.
"""

import os
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import platformdirs
from filelock import FileLock

from metalearn_course.common import storage
from metalearn_course.common.storage import Content


def folder() -> Path:
    """Where prepared data lives: $METALEARN_CACHE, or the user's own cache folder."""
    return Path(os.environ.get("METALEARN_CACHE") or platformdirs.user_cache_dir("metalearn-course")).expanduser()


def cached(key: str, build: Callable[[], Content]) -> Content:
    """What `build` returns, from the file `key` if it is there and whole, else built and stored."""
    path = folder() / f"{key}.safetensors"
    found, _ = _read(path)
    if found is not None:
        return found
    with ExitStack() as held:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(FileLock(f"{path}.lock"))  # two notebooks started together build once
        except OSError as error:
            _warn_not_kept(path, error)
            return build()
        found, damage = _read(path)
        if found is not None:
            return found
        if damage:
            warnings.warn(f"{damage}; it is built again.", stacklevel=3)
        found = build()  # an OSError in here is not the cache's
        try:
            storage.write(path, *found)
        except OSError as error:
            _warn_not_kept(path, error)
    return found


def _read(path: Path) -> tuple[Content | None, Exception | None]:
    """The content, or what is wrong with the file; neither where there is none."""
    try:
        return storage.read(path), None
    except FileNotFoundError:
        return None, None
    except (ValueError, OSError) as error:
        return None, error


def _warn_not_kept(path: Path, error: OSError) -> None:
    warnings.warn(
        f"The prepared data could not be kept in {path.parent} ({error.strerror or error}); this run goes on "
        "without. To have it at once next time, free some space there, or set METALEARN_CACHE to a folder "
        "that you can write to.",
        stacklevel=4,
    )
