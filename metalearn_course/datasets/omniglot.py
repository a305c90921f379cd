"""Omniglot: 1,623 handwritten characters of 50 alphabets, 20 pictures each (Lake et al. 2015)."""

import io
import os
import tempfile
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torchvision.datasets import Omniglot
from torchvision.datasets.utils import download_url
from torchvision.transforms.functional import pil_to_tensor

from metalearn_course.common.progress import bar
from metalearn_course.common.storage import Content
from metalearn_course.datasets import archives, cache
from metalearn_course.datasets.images import ImageClasses, from_tensors

PARTS = {"images_background": 964, "images_evaluation": 659}  # characters in each official archive
PER_CHARACTER = 20
SIZE = 28
PICTURE_BYTES = 100_000  # the most that is unpacked of one picture; the official ones have a few hundred
KEY = "omniglot-28-v1"  # of the prepared data in the cache


def load(root: str | Path | None = None) -> ImageClasses:
    """Omniglot at 28x28, ink 1 on paper 0, a class a character.

    families: the alphabet; styles: the number of the person who drew the picture, which means another person
    in another alphabet.

    root: a folder with the official archives (images_background.zip, images_evaluation.zip) or with
    what they unpack to; the default is $METALEARN_OMNIGLOT. Without either the archives are
    downloaded. Whatever the source, the contents are verified: 1,623 characters of 20 pictures.
    """
    given = root or os.environ.get("METALEARN_OMNIGLOT")
    root = Path(given).expanduser() if given else None
    if root is not None and not root.is_dir():
        raise FileNotFoundError(f"Omniglot: {root} is not a folder; root is the folder that holds {_wanted()}")
    tensors, info = cache.cached(KEY, lambda: _build(root))
    return from_tensors(
        "omniglot",
        tensors["images"],
        [PER_CHARACTER] * len(info["names"]),
        info["names"],
        split_sizes=(1100, 100, 423),
        official_test=frozenset(info["official_test"]),
        families=[name.split("/")[0] for name in info["names"]],
        styles=[f"drawer {n}" for n in range(1, PER_CHARACTER + 1)] * len(info["names"]),
    )


def _wanted() -> str:
    return " and ".join(f"{part}.zip (or the folder {part})" for part in PARTS)


def _build(root: Path | None) -> Content:
    with tempfile.TemporaryDirectory() as downloads:
        folder = root or _download(Path(downloads))
        names, images, official_test = [], [], []
        for part, n_characters in PARTS.items():
            characters = _read_part(folder, part)
            _verify(part, n_characters, characters)
            names += characters
            images += [picture for pictures in characters.values() for picture in pictures]
            official_test += characters if part == "images_evaluation" else []
    return {"images": torch.stack(images)}, {"names": names, "official_test": official_test}


def _download(folder: Path) -> Path:
    """The official archives, checked against torchvision's own MD5 sums."""
    try:
        for part in PARTS:
            download_url(f"{Omniglot.download_url_prefix}/{part}.zip", folder, md5=Omniglot.zips_md5[part])
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise ConnectionError(
            f"Omniglot could not be downloaded ({error}). On a machine with a network, fetch {_wanted()} from "
            f"{Omniglot.download_url_prefix}, copy them into one folder, and pass it: "
            'datasets.load("omniglot", root="that/folder"), or set METALEARN_OMNIGLOT. '
            'The embedded data needs nothing: datasets.load("kanji").'
        ) from error
    return folder


def _read_part(root: Path, part: str) -> dict[str, list[torch.Tensor]]:
    """Pictures by "Alphabet/character", from the archive or from the folder it unpacks to."""
    characters: dict[str, list[torch.Tensor]] = {}
    for path, data in bar(_files(root, part), desc=f"Omniglot, {part}", unit=" pictures", leave=False):
        name = "/".join(path.split("/")[-3:-1])
        characters.setdefault(name, []).append(_picture(path, data))
    return characters


def _files(root: Path, part: str) -> Iterator[tuple[str, bytes]]:
    archive = root / f"{part}.zip"
    if archive.is_file():
        yield from archives.zip_members(archive, _is_picture, PICTURE_BYTES)
        return
    for folder in (root / part, root / "omniglot-py" / part):
        if folder.is_dir():
            paths = sorted(path for path in folder.glob("*/*/*.png") if _is_picture(path.name))
            yield from ((path.as_posix(), path.read_bytes()) for path in paths)
            return
    raise FileNotFoundError(f"Omniglot: {root} has neither {part}.zip nor the folder {part}")


def _is_picture(name: str) -> bool:
    """A PNG, and none of the ._ files that macOS adds to archives and foreign disks."""
    return name.endswith(".png") and not name.split("/")[-1].startswith("._")


def _picture(path: str, data: bytes) -> torch.Tensor:
    """(1, 28, 28) uint8 with ink 255, from a PNG with black ink on white paper."""
    try:
        image = Image.open(io.BytesIO(data)).convert("L").resize((SIZE, SIZE), Image.Resampling.LANCZOS)
    except (OSError, SyntaxError, ValueError) as error:
        raise ValueError(f"Omniglot: the picture {path} cannot be read ({error}); unpack or fetch it again") from error
    return 255 - pil_to_tensor(image)


def _verify(part: str, n_characters: int, characters: dict[str, list[torch.Tensor]]) -> None:
    odd = [name for name, pictures in characters.items() if len(pictures) != PER_CHARACTER]
    if len(characters) != n_characters or odd:
        what = f"{odd[0]} has {len(characters[odd[0]])} pictures" if odd else f"{len(characters)} characters"
        raise ValueError(
            f"Omniglot: {part} is incomplete: {what}; it should have {n_characters} characters of "
            f"{PER_CHARACTER} pictures. Unpack or fetch it again."
        )
