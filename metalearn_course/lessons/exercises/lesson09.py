"""Exercises of lesson 09, amortised Bayesian meta-learning."""

import torch
from torch import Tensor

from metalearn_course.lessons.checks import Exercise


def gaussian_kl(mean: Tensor, std: Tensor, prior_mean: Tensor, prior_std: Tensor) -> Tensor:
    """KL of N(mean, std^2) from N(prior_mean, prior_std^2), all (D,) and independent: one number, in nats."""
    squares = std.square() + (mean - prior_mean).square()
    return ((prior_std / std).log() + squares / (2 * prior_std.square()) - 0.5).sum()


def posterior_predictive(scores: Tensor) -> Tensor:
    """Logarithms (Q, N) of the probabilities averaged over S draws, from their scores (S, Q, N)."""
    return scores.log_softmax(-1).logsumexp(0) - torch.tensor(float(len(scores))).log()


def expected_calibration_error(probabilities: Tensor, y: Tensor, n_bins: int) -> Tensor:
    """ECE of probabilities (M, N) for labels y (M,), with n_bins of equal width in the confidence."""
    confidence, answer = probabilities.max(-1)
    member = (confidence * n_bins).long().clamp(max=n_bins - 1)  # the bin of every picture
    gaps = torch.zeros(n_bins).index_add(0, member, confidence - (answer == y).float())
    return gaps.abs().sum() / len(y)


def _kl_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(1)
    mean, other = torch.randn(2, 4, generator=g)
    std, other_std = torch.rand(2, 4, generator=g) + 0.2
    return [(mean, std, other, other_std), (other, other_std, mean, std), (mean, std, mean, std)]


def _score_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(2)
    return [
        (3 * torch.randn(5, 4, 3, generator=g),),
        (torch.randn(1, 2, 5, generator=g),),
        (100 * torch.randn(4, 3, 5, generator=g),),
    ]


def _calibration_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(3)
    cases = []
    for n_pictures, n_way, n_bins in ((50, 5, 10), (200, 3, 15)):
        probabilities = (2 * torch.randn(n_pictures, n_way, generator=g)).softmax(-1)
        cases.append((probabilities, torch.randint(0, n_way, (n_pictures,), generator=g), n_bins))
    return cases + [(torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0]), 10)]


EXERCISES = [
    Exercise(gaussian_kl, _kl_cases, "the logarithm is of prior_std / std, and the squares are over 2 prior_std^2."),
    Exercise(
        posterior_predictive,
        _score_cases,
        "softmax first, the mean over draws second, the logarithm last; with logsumexp nothing underflows.",
    ),
    Exercise(
        expected_calibration_error,
        _calibration_cases,
        "a bin counts with its share of the pictures; a confidence of exactly 1 belongs to the last bin.",
    ),
]
