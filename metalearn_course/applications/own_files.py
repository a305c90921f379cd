"""A reader's pictures as a learner takes them: classes from a folder, queries file by file."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from metalearn_course.datasets import folder, transforms
from metalearn_course.datasets.images import ImageClasses
from metalearn_course.datasets.notes import Notes
from metalearn_course.datasets.opening import Unreadable
from metalearn_course.datasets.small import Small, read_small, scaled


class Support(NamedTuple):
    """The pictures to learn from, and how they were read."""

    pictures: dict[str, Tensor]  # name of the class -> (K, C, H, W) uint8
    ink: bool  # they are grey, and most show ink on paper, which is 1 now
    inverted: bool  # light and dark were exchanged


class Queries(NamedTuple):
    """What could be read of the files asked about, and why the others could not."""

    files: list[str]
    pixels: Tensor  # (Q, C, H, W) uint8
    refused: dict[str, str]  # file -> reason, one line


def read_support(
    path: str | Path, size: int | None = None, channels: int | None = None, report: Callable[[str], None] | None = None
) -> Support:
    """The classes of PATH/CLASS/*.png, read as `datasets.folder.load` reads them; what is broken is left out and named.

    Raises what `datasets.folder.load` raises: FileNotFoundError and ValueError, with cause and remedy.
    """
    lines: list[str] = []
    images = folder.load(path, size, channels, invert=False, skip_unreadable=True, report=lines.append)
    turned, said = folder.polarity(images.images)
    said = said.removesuffix(" (invert=False keeps them)")
    if report is not None:
        for line in lines:
            report(line.replace("not inverted, as asked", said))
    return Support(by_name(images, turned), turned or _shows_light_ink(images.images), turned)


def _shows_light_ink(pixels: Tensor) -> bool:
    """Whether a third of the pictures, all of them grey, clearly show light ink on dark paper."""
    return pixels.shape[1] == 1 and 3 * int((transforms.polarity(pixels) < 0).sum()) >= len(pixels)


def by_name(images: ImageClasses, turned: bool = False) -> dict[str, Tensor]:
    """The pictures (K, C, H, W) uint8 of every class, light and dark exchanged where `turned` says so."""
    pixels = 255 - images.images if turned else images.images
    spans = zip(images.names, images.starts.tolist(), images.counts.tolist())
    return {name: pixels[start : start + count] for name, start, count in spans}


def read_queries(files: Sequence[str | Path], size: int, channels: int, support: Support | None = None) -> Queries:
    """The files as pictures of `size` pixels and `channels`, in the polarity of the support.

    Where the support shows ink, a query that clearly shows ink on paper is turned so that its ink is 1 as well,
    whichever way round it came; any other query is treated as the support was. Never raises for a file.
    """
    smalls: dict[str, Small] = {}
    refused: dict[str, str] = {}
    for file in map(Path, files):
        try:
            smalls[str(file)] = read_small(str(file), _there(file), size, channels, Notes())
        except Unreadable as error:
            refused[str(file)] = " ".join(str(error).split())
    pixels = scaled(list(smalls.values()), Notes()) if smalls else torch.zeros(0, channels, size, size).byte()
    if channels == 1 and support is not None:
        turn = _turns(pixels, support)
        pixels = torch.where(turn[:, None, None, None], 255 - pixels, pixels)
    return Queries(list(smalls), pixels, refused)


def _there(file: Path) -> Path:
    if file.is_dir():
        raise Unreadable("it is a folder; name the pictures in it")
    if not file.is_file():
        raise Unreadable("there is no such file")
    return file


def _turns(pixels: Tensor, support: Support) -> Tensor:
    """(Q,) bool: which queries to invert."""
    usual = torch.full((len(pixels),), support.inverted)
    if not support.ink or not len(pixels):
        return usual
    votes = transforms.polarity(pixels)
    return torch.where(votes == 0, usual, votes > 0)
