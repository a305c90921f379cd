"""Pictures seen through a frozen embedding: computed once, then drawn, trained on and evaluated like pictures.

What is trained on features instead of pictures takes seconds instead of minutes.
"""

from typing import Any

import torch
from torch import Tensor, nn

from metalearn_course.datasets import ImageClasses
from metalearn_course.learners.embedding import EmbeddingLearner


class FeatureClasses(ImageClasses):
    """Classes whose "pictures" are features, (M, D, 1, 1) float; samplers, `fit` and `evaluate` take them.

    `adapt` does not: it wants pictures in 0..1.
    """

    def pictures(self, classes: Tensor, numbers: Tensor) -> Tensor:
        """The features (T, N, K, D, 1, 1) of the given pictures of the given classes (see ImageClasses)."""
        return self.images[(self.starts[classes].unsqueeze(-1) + numbers).to(self.images.device)]

    def by_class(self) -> Tensor:
        """(C, K, D): all of them, as many of each class as the smallest has."""
        numbers = torch.arange(int(self.counts.min())).expand(1, len(self), -1)
        return self.pictures(torch.arange(len(self)).unsqueeze(0), numbers)[0].flatten(2)


class Given(nn.Module):
    """The net of learners that get features: it hands them on, (B, D, 1, 1) -> (B, D)."""

    def __init__(self, out_features: int):
        super().__init__()
        self.config = dict(out_features=out_features)
        self.in_channels, self.image_size, self.out_features = out_features, 1, out_features

    def forward(self, x: Tensor, stats=None, return_stats: bool = False):
        """Features (B, D); there is nothing to normalise, so the statistics are none."""
        return (x.flatten(1), ()) if return_stats else x.flatten(1)


class Straightened(Given):
    """A linear layer on given features, the least that can be learned: (B, D, 1, 1) -> (B, D)."""

    def __init__(self, out_features: int):
        super().__init__(out_features)
        self.linear = nn.Linear(out_features, out_features)

    def forward(self, x: Tensor, stats=None, return_stats: bool = False):
        """W f + b for each feature f."""
        x = self.linear(x.flatten(1))
        return (x, ()) if return_stats else x


@torch.no_grad()
def embed(learner: EmbeddingLearner, images: ImageClasses, batch: int = 500) -> FeatureClasses:
    """The classes with every picture replaced by what the learner's net makes of it, one by one (norm="running")."""
    if images.rotations is not None:
        raise ValueError("rotated classes share their pictures; embed the upright ones")
    rows = torch.cat([start + torch.arange(count) for start, count in zip(images.starts, images.counts)])
    parts = [learner.net(images.images[part].float() / 255, learner.running_stats()) for part in rows.split(batch)]
    starts = images.counts.cumsum(0) - images.counts
    fields: dict[str, Any] = {name: getattr(images, name) for name in images.__dataclass_fields__}
    fields.update(images=torch.cat(parts)[..., None, None], starts=starts)
    return FeatureClasses(**fields)
