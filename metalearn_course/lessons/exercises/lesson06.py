"""Exercises of lesson 06, Matching Networks."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.lessons.checks import Exercise


def fair_distribution(weights: Tensor, y: Tensor, n_way: int) -> Tensor:
    """Label shares (Q, n_way) from the mean weight of every class; attention (Q, M) over pictures with labels (M,)."""
    members = F.one_hot(y, n_way).to(weights.dtype)  # (M, n_way)
    means = weights @ members / members.sum(0)
    return means / means.sum(-1, keepdim=True)


def needed_scale(n_way: int, share: float, lowest: float) -> float:
    """The scale at which softmax(scale * cosine) can just give a label `share`; cosines between `lowest` and 1."""
    return math.log((n_way - 1) * share / (1 - share)) / (1 - lowest)


def log_label_distribution(cosines: Tensor, y: Tensor, n_way: int, scale: float) -> Tensor:
    """Logarithm (Q, n_way) of the label distribution, from cosines (Q, M) and labels (M,), at any scale."""
    logs = (scale * cosines).log_softmax(-1)  # (Q, M)
    others = F.one_hot(y, n_way).T == 0  # (n_way, M)
    return logs.unsqueeze(1).masked_fill(others, -math.inf).logsumexp(-1)


def _attention_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(1)
    equal, unequal = torch.tensor([2, 0, 1, 1, 0, 2]), torch.tensor([0, 1, 1, 2, 1, 3, 2])
    return [(torch.randn(5, len(y), generator=g).softmax(-1), y, int(y.max()) + 1) for y in (equal, unequal)]


def _cosine_cases() -> list[tuple]:
    g, y = torch.Generator().manual_seed(2), torch.tensor([1, 0, 2, 2, 0, 1, 1])
    return [(2 * torch.rand(4, len(y), generator=g) - 1, y, 3, scale) for scale in (1.0, 10.0, 1000.0)]


EXERCISES = [
    Exercise(
        fair_distribution,
        _attention_cases,
        "weights @ one_hot adds up the weights of a class; its column sums count the pictures; rows end at 1",
    ),
    Exercise(
        needed_scale,
        lambda: [(20, 0.99, -1.0), (20, 0.99, 0.0), (5, 0.9, -1.0), (2, 0.5, 0.0)],
        "share = 1 / (1 + (n_way - 1) * exp(-scale * (1 - lowest))): solve it for the scale",
    ),
    Exercise(
        log_label_distribution,
        _cosine_cases,
        "never leave the logarithm: log_softmax over the pictures, then a logsumexp over those of a class alone",
    ),
]
