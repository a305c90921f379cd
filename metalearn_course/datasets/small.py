"""One picture file made small at once, so that large ones do not pile up in memory."""

from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image, ImageOps
from torch import Tensor

from metalearn_course.datasets.notes import Notes
from metalearn_course.datasets.opening import is_grey, open_picture, whites


class Small(NamedTuple):
    """A picture of `size` pixels, and what is needed to scale its numbers."""

    name: str
    pixels: Tensor  # (C, size, size), uint8, or float where the white of its numbers is still to be found
    lightest: float | None


def read_small(name: str, file: Path, size: int, channels: int, noted: Notes) -> Small:
    """The middle square of a picture file, upright, on white; Unreadable where there is none to be had."""
    from torchvision.transforms.functional import pil_to_tensor  # late: help of the command line needs none of it

    picture = open_picture(file)
    image = picture.image
    if picture.frames:
        noted.add("pictures with several frames, of which the first was taken", name)
    if max(image.size) > 2 * min(image.size):
        noted.add("pictures more than twice as long as wide, of which the middle square was taken", name)
    if channels == 3 and (image.mode == "F" or is_grey(image)):
        noted.add("grey pictures stored with three equal channels", name)
    if image.mode != "F":
        image = image.convert("L" if channels == 1 else "RGB")
    square = ImageOps.fit(image, (size, size), Image.Resampling.LANCZOS)
    pixels = pil_to_tensor(square)
    return Small(name, pixels.expand(channels, -1, -1), picture.lightest)


def scaled(smalls: list[Small], noted: Notes) -> Tensor:
    """(M, C, size, size) uint8: numbers of other depths than 8 bits scaled so that white is 255."""
    deep = {id(small): small.lightest for small in smalls if small.lightest is not None}
    white = dict(zip(deep, whites([*deep.values()])))
    pixels = []
    for small in smalls:
        if small.lightest is None:
            pixels.append(small.pixels)
            continue
        top = white[id(small)]
        pixels.append((small.pixels.clamp(0, top) * (255 / top)).round().to(torch.uint8))
        noted.add(f"pictures whose numbers were read as 0 to {top}", small.name)
    return torch.stack(pixels)
