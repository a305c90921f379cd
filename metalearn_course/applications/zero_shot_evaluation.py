"""How zero-shot classifiers are measured: per class, among unseen classes alone or among all (generalised).

Everything here is a function of similarities, so that ProtoNet-zero and its rivals are measured by the same lines.
Pictures of one class are not independent and classes are what is drawn, so intervals are over classes.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.evaluation.intervals import ci95

CONSTANTS = torch.linspace(-0.1, 0.5, 121)  # to choose from; cosines lie between -1 and 1


class Figure(NamedTuple):
    """A mean over classes, 0..1, and half the width of its 95 % interval."""

    accuracy: float
    ci95: float

    def __repr__(self) -> str:
        return f"{100 * self.accuracy:.2f} ± {100 * self.ci95:.2f} %"


def over_classes(right: Tensor) -> Figure:
    """The figure of right answers (classes, pictures)."""
    per_class = right.float().mean(1)
    return Figure(per_class.mean().item(), ci95(per_class))


def top(similarity: Tensor, k: int = 1) -> Tensor:
    """Whether class c's own prototype is among the k nearest: similarity (C, pictures, C) -> (C, pictures)."""
    own = similarity.diagonal(dim1=0, dim2=2).T.unsqueeze(-1)  # (C, pictures, 1)
    return (similarity > own).sum(-1) < k


def few_ways(similarity: Tensor, n_way: int, n_tasks: int = 200, seed: int = 0) -> Figure:
    """Accuracy in tasks of n_way classes drawn at random; the interval is over tasks."""
    g = torch.Generator().manual_seed(seed)
    drawn = [torch.randperm(len(similarity), generator=g)[:n_way] for _ in range(n_tasks)]
    per_task = torch.stack([top(similarity[c][:, :, c]).float().mean() for c in drawn])
    return Figure(per_task.mean().item(), ci95(per_task))


def paired(right: Tensor, other: Tensor) -> Figure:
    """By how much more is right than in the other answers to the same pictures, class by class."""
    gain = right.float().mean(1) - other.float().mean(1)
    return Figure(gain.mean().item(), ci95(gain))


class Generalised(NamedTuple):
    """Accuracy on pictures of seen and of unseen classes, all classes being possible answers."""

    seen: float
    unseen: float
    constant: float  # that was taken from the similarity to every seen class

    @property
    def harmonic(self) -> float:
        """2 S U / (S + U): high only where both are."""
        return 2 * self.seen * self.unseen / max(self.seen + self.unseen, 1e-12)


class Margins(NamedTuple):
    """What a generalised test comes down to: right among its own kind, and how far the other kind is behind.

    A picture is named right if its class is the best of its kind and no class of the other kind beats it.
    """

    seen_right: Tensor  # (seen pictures,), among seen classes
    seen_lead: Tensor  # similarity to the best seen class minus that to the best unseen one
    unseen_right: Tensor  # (unseen pictures,), among unseen classes
    unseen_lead: Tensor  # to the best unseen class minus to the best seen one

    def at(self, constant: float) -> Generalised:
        """The test with the constant taken from the similarity to seen classes (Chao et al. 2016, 1605.04253)."""
        seen = self.seen_right & (self.seen_lead - constant > 0)
        unseen = self.unseen_right & (self.unseen_lead + constant > 0)
        return Generalised(seen.float().mean().item(), unseen.float().mean().item(), constant)

    def best(self) -> Generalised:
        """The test with the constant that suits it best: for validation classes, to use elsewhere."""
        return max((self.at(constant) for constant in CONSTANTS.tolist()), key=lambda found: found.harmonic)


def margins(seen_z: Tensor, unseen_z: Tensor, seen: Tensor, unseen: Tensor) -> Margins:
    """From pictures (classes, pictures, D) and prototypes (classes, D) of both kinds, all of unit length."""
    return Margins(*_among(seen_z, seen, unseen), *_among(unseen_z, unseen, seen))


def _among(z: Tensor, mine: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Of pictures z (classes, pictures, D): whether right among `mine`, and the lead over `others`; flat both."""
    best, answer = (z.flatten(0, 1) @ mine.T).max(1)
    right = answer == torch.arange(len(z)).repeat_interleave(z.shape[1])
    return right, best - (z.flatten(0, 1) @ others.T).amax(1)


def with_pictures(z: Tensor, described: Tensor, weight: float = 1.0, k_shot: int = 1, seed: int = 0) -> Tensor:
    """Similarities (C, pictures - k_shot, C) to prototypes of a description and k_shot pictures together.

    z (C, pictures, D) and described (C, D) have unit length; the prototype is g(d) + weight * mean of f(x). The
    pictures that it is made of are drawn at random and not asked about. With described = 0 they stand alone.
    """
    order = torch.rand(z.shape[:2], generator=torch.Generator().manual_seed(seed)).argsort(1)
    z = z.gather(1, order.unsqueeze(-1).expand_as(z))
    return z[:, k_shot:] @ F.normalize(described + weight * z[:, :k_shot].mean(1), dim=-1).T
