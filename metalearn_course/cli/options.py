"""Options that several commands share: of the pictures, of how tasks are drawn, of the machine."""

import argparse
import re
import sys
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal

import torch

from metalearn_course import datasets
from metalearn_course.datasets import ImageClasses
from metalearn_course.sampling import EpisodeSampler


def at_least(least: int):
    """The type of an option that counts something, and of seeds."""

    def number(text: str) -> int:
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        if int(text) >= 2**63:
            raise argparse.ArgumentTypeError(f"{text} is too large")
        return int(text)

    number.__name__ = "whole number"  # what argparse calls it
    return number


def device(name: str) -> str:
    """The name of a device that this machine has."""
    try:
        device = torch.device(name)
        cuda = device.type == "cuda"
        here = (device.index or 0) < torch.cuda.device_count() if cuda else torch.zeros(1, device=device).item() == 0
    except (RuntimeError, AssertionError):  # not a name of a device; a device that this PyTorch was built without
        here = False
    if not here:
        raise argparse.ArgumentTypeError(f"this machine has no device {name!r}; cpu always works")
    return name


Count = Annotated[int, at_least(1)]
Whole = Annotated[int, at_least(0)]
Device = Annotated[str, device]


@dataclass(kw_only=True)
class Pictures:
    """Which pictures, and how a reader's own are read.

    dataset: "kanji", "emoji", "omniglot", "cifar-fs" or "folder:PATH"
    root: folder with the archives of a dataset that is not embedded
    size: pixels that a picture is wide and high
    channels: 1 for grey, 3 for colour
    invert: whether light and dark change places, so that ink is 1 on paper 0 (left out: the pictures are asked)
    depth: how many folders down a class of one's own is (left out: where the pictures lie)
    at_least: leave out classes with fewer pictures than this
    """

    dataset: str | None = "kanji"
    root: str | None = None
    size: Count | None = None
    channels: Literal[1, 3] | None = None
    invert: bool | None = None
    depth: Count | None = None
    at_least: Count | None = None

    def load(self) -> ImageClasses:
        """The dataset as it was asked for."""
        asked = dict(size=self.size, channels=self.channels, invert=self.invert, depth=self.depth)
        given: dict[str, Any] = {name: value for name, value in asked.items() if value is not None}
        name = self.dataset or "kanji"
        if name.startswith("folder:"):  # what was read and left out; results alone go to the standard output
            given["report"] = partial(print, file=sys.stderr)
        images = datasets.load(name, self.root, **given)
        return images if self.at_least is None else images.with_at_least(self.at_least)


@dataclass(kw_only=True)
class Machine:
    """Where to compute.

    device: such as cpu, cuda or cuda:1
    threads: threads of this process (default: PyTorch's choice)
    """

    device: Device = "cuda" if torch.cuda.is_available() else "cpu"
    threads: Count | None = None

    def use(self) -> None:
        """Compute with as many threads as were asked for."""
        if self.threads:
            torch.set_num_threads(self.threads)


@dataclass(kw_only=True)
class Drawing:
    """How the classes and pictures of a task are drawn.

    within: draw all classes of a task from one family: an alphabet, a component, a kind
    support_styles: draw the support set from pictures of these styles alone
    query_styles: draw the queries from pictures of these styles alone
    """

    within: Literal["family"] | None = None
    support_styles: tuple[str, ...] | None = None
    query_styles: tuple[str, ...] | None = None

    def given(self) -> dict:
        """What was asked for, as `EpisodeSampler` takes it."""
        how = dict(within=self.within, support_styles=self.support_styles, query_styles=self.query_styles)
        return {name: value for name, value in how.items() if value is not None}


def sampler_of(part: str, images: ImageClasses, n_way: int, k_shot: int, n_query: int, **drawing) -> EpisodeSampler:
    """Of the classes of a part of the split; a ValueError says which part, in the words of the command line."""
    try:
        return EpisodeSampler(images, n_way, k_shot, n_query, **drawing)
    except ValueError as error:
        said = re.sub(r"images\.with_at_least\((\d+)\)", r"--at-least \1", str(error))
        raise ValueError(f"{part} classes: {said}") from error


def fitting_query(images: ImageClasses, k_shot: int, usual: int) -> int:
    """As many queries per class as usual, or as the smallest class has pictures left for."""
    smallest = int(images.counts.min()) if len(images) else 0
    return max(1, min(usual, smallest - k_shot))
