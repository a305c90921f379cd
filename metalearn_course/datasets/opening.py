"""One picture file as 8-bit grey or colour, or as the plain numbers of a greater depth."""

import warnings
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

MEGAPIXELS = 50  # the most that is decoded: a small file can unfold to gigabytes
NOT_DECODED = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow knows them, and needs another program to see them
GREY = {"1", "L", "LA", "La", "I", "F", "I;16", "I;16B", "I;16L", "I;16N"}
WHITES = (1, *(2**bits - 1 for bits in (8, 10, 12, 14, 16, 24, 31, 32)))  # the largest number of every usual depth


class Unreadable(ValueError):
    """Why a picture cannot be read."""


class Picture(NamedTuple):
    """An upright picture of mode L or RGB, or of mode F with numbers whose white is not known yet."""

    image: Image.Image
    lightest: float | None  # the largest number of mode F; an int where the file has whole numbers
    frames: bool  # there are further frames or pages behind this one


@cache
def formats() -> tuple[str, ...]:
    """What Pillow decodes by itself."""
    Image.init()
    return tuple(name for name in Image.OPEN if name not in NOT_DECODED)


@cache
def endings() -> frozenset[str]:
    """Of the files in these formats, in small letters and with the dot."""
    known = set(formats())
    return frozenset(ending for ending, name in Image.registered_extensions().items() if name in known)


def open_picture(file: Path) -> Picture:
    """The first frame, turned as its camera says; transparent parts are white. Raises Unreadable."""
    return _opened(file, lambda image: _picture(image))


def is_coloured(file: Path) -> bool:
    """Whether any pixel has unequal channels; only the header is read where the mode is grey. Raises Unreadable."""
    return _opened(file, lambda image: image.mode not in GREY and not is_grey(_eight_bits(image)))


def is_grey(image: Image.Image) -> bool:
    """Whether a picture of mode L or RGB has equal channels everywhere."""
    if image.mode == "L":
        return True
    pixels = np.asarray(image)
    return bool((pixels == pixels[..., :1]).all())


def _opened(file: Path, look):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about damaged metadata, and about sizes that are checked below
            with Image.open(file, formats=formats()) as image:
                _check_size(image)
                return look(image)
    except Unreadable:
        raise
    except Exception as error:  # a broken file makes Pillow's readers raise anything
        raise Unreadable(_cause(file, error)) from error


def _cause(file: Path, error: Exception) -> str:
    if isinstance(error, PermissionError):
        return "it may not be read: its permissions forbid it"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has far more than {MEGAPIXELS} megapixels, the most that is decoded; store it smaller"
    if file.stat().st_size == 0:
        return "the file is empty, 0 bytes"
    if isinstance(error, UnidentifiedImageError):
        return "its contents are of no kind that Pillow reads, whatever its ending says"
    return str(error) or type(error).__name__


def _check_size(image: Image.Image) -> None:
    millions = image.width * image.height / 1e6
    if millions > MEGAPIXELS:
        raise Unreadable(
            f"{image.width}x{image.height} are {millions:.0f} megapixels; at most {MEGAPIXELS} are decoded, "
            "store it smaller"
        )


def _picture(image: Image.Image) -> Picture:
    frames = bool(getattr(image, "is_animated", False))
    upright = ImageOps.exif_transpose(image)
    if image.mode[0] not in "IF":
        return Picture(_eight_bits(upright), None, frames)
    numbers = np.array(upright)
    clear = image.info.get("transparency")
    if isinstance(clear, int):  # 16 bits of PNG, of which one number stands for transparent
        numbers = np.where(numbers == clear, 65535, numbers)
    if not np.isfinite(numbers).all() or numbers.min() < 0 or numbers.max() > WHITES[-1]:
        raise Unreadable(
            f"its numbers reach from {numbers.min():g} to {numbers.max():g}, and nothing says which of them is "
            "white; store 8 or 16 bits, or decimal numbers from 0 to 1"
        )
    return Picture(Image.fromarray(numbers.astype(np.float32)), numbers.max().item(), frames)


def _eight_bits(image: Image.Image) -> Image.Image:
    """As mode L or RGB, on white."""
    mode = "L" if image.mode in GREY else "RGB"
    if "A" in image.getbands() and image.mode != "LAB" or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def whites(lightest: list[float]) -> list[int]:
    """The number that is white in each picture, given the largest number in each.

    A file of 16 bits can hold 10, 12 or 14 of a camera, one of 32 bits mostly holds 8, and no header
    says so. A picture whose largest number is exactly the white of a depth has that depth; the others
    have the smallest depth that holds them all, so that a dark picture stays darker than its neighbours.
    """
    found: dict[type, int] = {}
    for kind in (int, float):
        most = max((n for n in lightest if type(n) is kind), default=0)
        found[kind] = next((white for white in WHITES if white >= most), WHITES[-1])
    return [int(n) if n in WHITES else found[type(n)] for n in lightest]
