"""Exercises of lesson 08, generating data for a new task."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.checks import Exercise


def kl_to_standard(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL(N(mean, exp(log_var)) || N(0, 1)) in nats, summed over the last axis, of (..., D): (...)."""
    return 0.5 * (log_var.exp() + mean.square() - 1 - log_var).sum(-1)


def importance_bound(log_weights: Tensor) -> Tensor:
    """log of the mean weight over S draws, (N,), from log_weights (S, N) of any size."""
    return log_weights.logsumexp(0) - math.log(len(log_weights))


def mixed_loss(logits: Tensor, y: Tensor, n_real: int, weight: float) -> Tensor:
    """Weighted mean cross-entropy of logits (M, N): the first n_real pictures count 1, the others `weight`."""
    counts = torch.ones_like(logits[:, 0])
    counts[n_real:] = weight
    return (counts * F.cross_entropy(logits, y, reduction="none")).sum() / counts.sum()


def _kl_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(1)
    return [(torch.randn(shape, generator=g), torch.randn(shape, generator=g)) for shape in ((3,), (4, 2))]


def _bound_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(2)
    return [(torch.randn(5, 3, generator=g),), (torch.randn(8, 2, generator=g) - 2000,)]


def _loss_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(3)
    y = torch.tensor([0, 1, 2, 0, 0, 1])
    return [(torch.randn(6, 3, generator=g), y, 3, weight) for weight in (0.2, 1.0, 0.0)]


EXERCISES = [
    Exercise(kl_to_standard, _kl_cases, "a coordinate gives (variance + mean^2 - 1 - log variance) / 2; add them up."),
    Exercise(
        importance_bound, _bound_cases, "exp(-2000) is 0 in floating point; logsumexp takes the largest out first."
    ),
    Exercise(mixed_loss, _loss_cases, "divide by the sum of the weights, not by the number of pictures."),
]
