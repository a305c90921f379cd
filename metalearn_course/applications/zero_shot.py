"""Prototypical Networks for classes that were only described (Snell, Swersky & Zemel 2017, arXiv 1703.05175).

The paper's section on zero-shot learning takes the prototype of a class from what is said of it instead of
from support pictures: g embeds descriptions where f embeds pictures, and both are trained on episodes.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.common.progress import bar
from metalearn_course.datasets import ImageClasses
from metalearn_course.sampling import task_generator

SCALE = 10.0  # of the cosines, at the start of training


class Described(NamedTuple):
    """Classes with a description each."""

    images: ImageClasses
    descriptions: Tensor  # (classes, n_words)


class ProtoNetZero(nn.Module):
    """Scores pictures by scale * cos(f(x), g(d_k)) for the descriptions d_k of the classes asked about.

    f has four convolution blocks, the last without stride, and a linear layer; g is linear, so that the prototype
    of a class is the sum of what each word of its description contributes.
    """

    def __init__(
        self,
        n_words: int,
        dim: int = 256,
        channels: Sequence[int] = (32, 64, 64, 128),
        in_channels: int = 1,
        image_size: int = 28,
    ):
        super().__init__()
        self.config = dict(
            n_words=n_words, dim=dim, channels=list(channels), in_channels=in_channels, image_size=image_size
        )
        self.f, self.g = picture_net(channels, dim, in_channels, image_size), nn.Linear(n_words, dim)
        self.log_scale = nn.Parameter(torch.tensor(math.log(SCALE)))

    def embed(self, x: Tensor) -> Tensor:
        """Unit vectors (M, dim) of pictures (M, C, H, W)."""
        return F.normalize(self.f(x.contiguous(memory_format=torch.channels_last)), dim=-1)

    def prototypes(self, descriptions: Tensor) -> Tensor:
        """Unit vectors (N, dim) of descriptions (N, n_words)."""
        return F.normalize(self.g(descriptions), dim=-1)

    def forward(self, x: Tensor, descriptions: Tensor) -> Tensor:
        """Logits (M, N)."""
        return self.log_scale.exp() * self.embed(x) @ self.prototypes(descriptions).T


def picture_net(channels: Sequence[int], dim: int, in_channels: int = 1, image_size: int = 28) -> nn.Sequential:
    """Pictures (M, in_channels, H, W) -> (M, dim): every block but the last halves the resolution."""
    layers: list[nn.Module] = []
    for i, (before, after) in enumerate(zip([in_channels, *channels], channels)):
        stride = 1 if i == len(channels) - 1 else 2
        layers += [nn.Conv2d(before, after, 3, stride, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU()]
    side = math.ceil(image_size / 2 ** (len(channels) - 1))
    net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels[-1] * side * side, dim))
    return net.to(memory_format=torch.channels_last)


def task_loss(net: ProtoNetZero, x: Tensor, descriptions: Tensor) -> Tensor:
    """Cross-entropy of pictures x (B, C, H, W), one of each of the first B described classes, among all N >= B."""
    return F.cross_entropy(net(x, descriptions), torch.arange(len(x), device=x.device))


def fit(
    net: ProtoNetZero,
    train: Described,
    n_steps: int,
    batch: int = 256,
    n_way: int = 1024,
    lr: float = 2e-3,
    dropout: float = 0.2,
    numbers: Sequence[int] | None = None,
    augment: Callable[[Tensor, torch.Generator], Tensor] | None = None,
    seed: int = 0,
    progress: bool = False,
) -> list[float]:
    """Train on episodes of n_way described classes, of `batch` of which there is one picture; the losses.

    dropout: share of the entries of the descriptions that a step does not see. numbers: which pictures of every
    class to train on; all by default. augment: changes a batch of pictures at random, with a generator of the step.
    AdamW with a cosine schedule from `lr` to 0; what a step draws is a function of seed and step.
    """
    device = next(net.parameters()).device
    images, descriptions = train.images.to(device), train.descriptions.to(device)
    optimiser = torch.optim.AdamW(net.parameters(), lr)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, n_steps)
    losses = []
    net.train()
    for step in bar(range(n_steps), show=progress, desc="train", leave=False):
        generator = task_generator(seed, step, 0)
        classes = torch.randperm(len(images), generator=generator)[: max(n_way, batch)]
        x = _one_each(images, classes[:batch], numbers, generator)
        x = augment(x, generator) if augment else x
        kept = torch.rand(len(classes), descriptions.shape[1], generator=generator) >= dropout
        loss = task_loss(net, x, descriptions[classes.to(device)] * kept.to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
    net.eval()
    return losses


def _one_each(images: ImageClasses, classes: Tensor, numbers: Sequence[int] | None, generator) -> Tensor:
    """A picture (B, C, H, W) of each class at random, one of the given numbers."""
    share = torch.rand(len(classes), generator=generator)
    if numbers is None:
        drawn = (share * images.counts[classes]).long()
    else:
        drawn = torch.as_tensor(numbers)[(share * len(numbers)).long()]
    return images.pictures(classes[None], drawn[None, :, None])[0, :, 0]
