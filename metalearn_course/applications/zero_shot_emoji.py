"""Zero-shot emoji: classes described by their name and keywords, as found."""

import torch
from torch import Tensor

from metalearn_course import datasets
from metalearn_course.applications import kanji_descriptions as words
from metalearn_course.applications.zero_shot import Described
from metalearn_course.applications.zero_shot_kanji import Task
from metalearn_course.datasets import ImageClasses


def load(seed: int = 0) -> Task:
    """The split of `emoji` by groups; the words are those of at least two training classes."""
    parts = datasets.load("emoji").split(seed=seed)
    described = [keywords(part) for part in parts]
    columns = words.vocabulary(described[0], fewest=2)
    return Task(*(Described(*each) for each in zip(parts, (words.encode(d, columns) for d in described))), columns)


def keywords(images: ImageClasses) -> list[dict[str, float]]:
    """Every word of the name and of the keywords of each class, once."""
    texts = (" ".join([name, *found]).lower() for name, found in zip(images.names, images.descriptions))
    return [dict.fromkeys("".join(c if c.isalnum() else " " for c in text).split(), 1.0) for text in texts]


def augment(x: Tensor, generator: torch.Generator) -> Tensor:
    """Pictures x (B, C, H, W), half of them mirrored, each batch moved by up to two pixels."""
    mirrored = torch.rand(len(x), 1, 1, 1, generator=generator) < 0.5
    x = torch.where(mirrored.to(x.device), x.flip(-1), x)
    moved = torch.nn.functional.pad(x, (2, 2, 2, 2), mode="replicate")
    down, right = torch.randint(5, (2,), generator=generator).tolist()
    return moved[..., down : down + x.shape[-2], right : right + x.shape[-1]]
