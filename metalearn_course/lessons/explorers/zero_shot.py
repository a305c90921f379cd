"""Characters composed from parts and places, and what a zero-shot learner finds for them (lesson 12)."""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from metalearn_course.applications import kanji_descriptions
from metalearn_course.applications.zero_shot import ProtoNetZero
from metalearn_course.applications.zero_shot_kanji import embed
from metalearn_course.datasets import ImageClasses
from metalearn_course.datasets.kanji_parts import Composition, compose


class Nearest(NamedTuple):
    """The characters whose pictures lie nearest to a description, the nearest first."""

    parts: tuple[tuple[str, str], ...]  # (name, place) as asked for
    names: tuple[str, ...]
    similarities: Tensor  # (n,) cosines
    pictures: Tensor  # (n, C, H, W)
    unseen: tuple[bool, ...]  # whether each was kept out of training
    exact: tuple[bool, ...]  # whether each is described in the very same words

    @property
    def summary(self) -> str:
        """What the picture shows, in words."""
        asked = ", ".join(f"{name} {place}" for name, place in self.parts)
        found = ", ".join(
            f"{name} {similarity:.2f}{' (unseen)' * unseen}{' (as described)' * exact}"
            for name, similarity, unseen, exact in zip(self.names, self.similarities, self.unseen, self.exact)
        )
        return f"{asked}: nearest {found}"


class ZeroShotExplorer:
    """One picture of every class, embedded once; descriptions are looked up among them."""

    def __init__(
        self,
        net: ProtoNetZero,
        columns: Mapping[str, int],
        images: ImageClasses,
        made: Mapping[str, Composition],
        unseen: Collection[str] = (),
    ):
        self.net, self.columns, self.images, self.made = net.eval(), dict(columns), images, made
        self.unseen = frozenset(unseen)
        self.embedded = embed(net, images, [0])[:, 0]  # (classes, dim)

    @torch.no_grad()
    def look(self, parts: Sequence[tuple[str, str]], n: int = 8) -> Nearest:
        """The n nearest to a character composed of (name, place) parts."""
        words = kanji_descriptions.words(compose(parts, self.made))
        described = kanji_descriptions.encode([words], self.columns)
        similarities, nearest = (self.embedded @ self.net.prototypes(described)[0]).topk(n)
        names = tuple(self.images.names[c] for c in nearest.tolist())
        return Nearest(
            tuple(parts),
            names,
            similarities,
            self.images.pictures(nearest[None], torch.zeros(1, n, 1, dtype=torch.long))[0, :, 0],
            tuple(name in self.unseen for name in names),
            tuple(kanji_descriptions.words(self.made[name]) == words for name in names),
        )

    def common_parts(self, n: int = 30) -> list[str]:
        """The n outermost parts that most characters share and that are characters themselves."""
        owners: dict[str, int] = {}
        for made in self.made.values():
            for name in {part.name for part in made.parts if part.depth == 1} & self.made.keys():
                owners[name] = owners.get(name, 0) + 1
        return sorted(owners, key=owners.__getitem__, reverse=True)[:n]
