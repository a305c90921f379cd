"""Pictures varied as they are drawn for training: small affine warps and changed colours."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from metalearn_course.functional import warp

EVEN = torch.tensor([[1.0, 1.0, 0.6], [1.0, 1.0, 0.6]])  # a shift moves a picture more than a turn as large does


class Variation(NamedTuple):
    """How each of M pictures is varied."""

    maps: Tensor  # (..., M, 2, 3) affine maps of places, see functional.warp
    mixes: Tensor  # (..., M, 3, 3) how much of each colour goes into each


@dataclass(frozen=True)
class Augment:
    """Every picture of a training task is warped and, if it has colours, mixed anew.

    warp: deviation of the entries of the affine map from those of the identity; 0.1 is a small turn, stretch or
        shift. colours: deviation of the entries of the colour mixing from those of the identity; white stays white.
    """

    warp: float = 0.0
    colours: float = 0.0

    def __post_init__(self):
        if self.warp < 0 or self.colours < 0:
            raise ValueError(f"warp={self.warp}, colours={self.colours}: deviations cannot be negative")

    def draw(self, n_pictures: int, generator: torch.Generator | None = None) -> Variation:
        """The variation of n_pictures pictures."""
        maps = torch.eye(2, 3) + self.warp * EVEN * torch.randn(n_pictures, 2, 3, generator=generator)
        mixes = torch.eye(3) + self.colours * torch.randn(n_pictures, 3, 3, generator=generator)
        return Variation(maps, mixes / mixes.sum(-1, keepdim=True).clamp(min=0.3))

    def apply(self, x: Tensor, variation: Variation) -> Tensor:
        """The pictures x (..., M, C, H, W) in 0..1, varied."""
        pictures, (maps, mixes) = x.flatten(0, -4), (part.flatten(0, -3).to(x.device) for part in variation)
        if self.warp:
            pictures = warp(pictures, maps)
        if self.colours and x.shape[-3] == 3:
            ink = torch.einsum("mij,mjhw->mihw", mixes, 1 - pictures)  # paper stays white, whatever the mix
            pictures = 1 - ink.clamp(0, 1)
        return pictures.view_as(x)
