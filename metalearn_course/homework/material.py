"""What the homeworks are done on: emoji, small enough for a laptop and a minute."""

import functools
from pathlib import Path

import torch
from torchvision.transforms.functional import to_pil_image

from metalearn_course import datasets
from metalearn_course.datasets import ImageClasses
from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.sampling import EpisodeSampler

PARTS = ("train", "validation", "test")


@functools.cache
def emoji(part: str = "train", size: int = 16) -> ImageClasses:
    """The training, validation or test classes of emoji, in colour, size x size pixels."""
    if part not in PARTS:
        raise ValueError(f"part={part!r}: choose one of {', '.join(PARTS)}")
    return datasets.load("emoji", size=size).split()[PARTS.index(part)]


def tasks(
    part: str, n_tasks: int, n_way: int = 5, k_shot: int = 1, n_query: int = 5, seed: int = 0, size: int = 16
) -> Episode:
    """n_tasks tasks of emoji: support x (T, N*K, 3, size, size) in 0..1, y (T, N*K), and the same for the queries."""
    sampler = EpisodeSampler(emoji(part, size), n_way, k_shot, n_query)
    return sampler.sample(n_tasks, torch.Generator().manual_seed(seed))


def as_set(images: ImageClasses, n_classes: int | None = None) -> LabelledSet:
    """All pictures of the first n_classes classes (all by default), x (M, C, H, W) in 0..1, and the class of each."""
    counts, starts = images.counts[:n_classes].tolist(), images.starts[:n_classes].tolist()
    rows = torch.cat([torch.arange(start, start + count) for start, count in zip(starts, counts)])
    return LabelledSet(
        images.images[rows].float() / 255, torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    )


def write_folder(images: ImageClasses, root: str | Path) -> Path:
    """The classes as a folder with one folder of PNG files per class, as `datasets.load("folder:…")` reads it."""
    for name, start, count in zip(images.names, images.starts.tolist(), images.counts.tolist()):
        folder = Path(root) / name.replace("/", "-")
        folder.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            to_pil_image(images.images[start + number]).save(folder / f"{number}.png")
    return Path(root)
