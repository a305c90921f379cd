"""Exercises of lesson 08, generating data for a new task."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.lessons.checks import Exercise


def agreement(drawn: Tensor, real: Tensor) -> Tensor:
    """Share of the drawings (N, M, D) whose nearest class mean of the real features (N, K, D) is their own class's."""
    nearest = torch.cdist(drawn, real.mean(1)).argmin(-1)  # (N, M)
    return (nearest == torch.arange(len(drawn)).unsqueeze(1)).float().mean()


def importance_bound(log_weights: Tensor) -> Tensor:
    """log of the mean weight over S draws, (N,), from log_weights (S, N) of any size."""
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def mixed_loss(logits: Tensor, y: Tensor, n_real: int, weight: float) -> Tensor:
    """Weighted mean cross-entropy of logits (M, N): the first n_real pictures count 1, the others `weight`."""
    counts = torch.ones_like(logits[:, 0])
    counts[n_real:] = weight
    return (counts * F.cross_entropy(logits, y, reduction="none")).sum() / counts.sum()


def _agreement_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(1)
    shapes = ((3, 4, 1, 2), (4, 2, 5, 3))  # classes, drawings, real ones, features
    return [(torch.randn(n, m, d, generator=g), torch.randn(n, k, d, generator=g)) for n, m, k, d in shapes]


def _bound_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(2)
    return [(torch.randn(5, 3, generator=g),), (torch.randn(8, 2, generator=g) - 2000,)]


def _loss_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(3)
    y = torch.tensor([0, 1, 2, 0, 0, 1])
    return [(torch.randn(6, 3, generator=g), y, 3, weight) for weight in (0.2, 1.0, 0.0)]


EXERCISES = [
    Exercise(
        agreement, _agreement_cases, "torch.cdist(drawn, means) compares every drawing with every mean: (N, M, N)."
    ),
    Exercise(
        importance_bound, _bound_cases, "exp(-2000) is 0 in floating point; logsumexp takes the largest out first."
    ),
    Exercise(mixed_loss, _loss_cases, "divide by the sum of the weights, not by the number of pictures."),
]
