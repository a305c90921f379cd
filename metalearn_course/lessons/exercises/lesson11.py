"""Exercises of lesson 11, few-shot on your own pictures."""

import torch
from torch import Tensor

from metalearn_course.lessons.checks import Exercise


def conformal_threshold(scores: Tensor, rate: float) -> float:
    """The largest of the scores (n,) below which a further one falls with a probability of at most `rate`.

    The further score is exchangeable with those n, and no two are equal. Minus infinity where n is too small.
    """
    k = int(rate * (len(scores) + 1))
    return scores.sort().values[k - 1].item() if k else float("-inf")


def forget_picture(prototype: Tensor, count: int, feature: Tensor) -> Tensor:
    """The prototype (D,) of `count` pictures, at least two, after one of them, with this feature (D,), is taken out."""
    return prototype + (prototype - feature) / (count - 1)


def known_rates(known: Tensor, alien: Tensor, threshold: float, share_alien: float) -> tuple[float, float]:
    """(of what is accepted, the share that is alien; of what is rejected, the share that is known).

    known and alien are familiarities of two samples, whose sizes say nothing of how often either comes: in use a
    share `share_alien` of the pictures is alien. A picture below the threshold is rejected. 0 where there is none.
    """
    below_known, below_alien = ((x < threshold).float().mean().item() for x in (known, alien))
    accepted = [(1 - share_alien) * (1 - below_known), share_alien * (1 - below_alien)]
    rejected = [(1 - share_alien) * below_known, share_alien * below_alien]
    wrong_in, wrong_out = accepted[1], rejected[0]
    return (wrong_in / sum(accepted) if sum(accepted) else 0.0, wrong_out / sum(rejected) if sum(rejected) else 0.0)


def _threshold_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(11)
    return [(torch.randn(n, generator=g), rate) for n, rate in ((19, 0.05), (18, 0.05), (100, 0.1), (7, 0.5))]


def _forget_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(12)
    features = [torch.randn(count, 4, generator=g) for count in (2, 3, 7)]
    return [(each.mean(0), len(each), each[1]) for each in features]


def _rate_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(13)
    known, alien = 1 + torch.randn(200, generator=g), torch.randn(50, generator=g) - 1
    return [(known, alien, -0.6, share) for share in (0.01, 0.5)] + [(known, alien, -100.0, 0.2)]


EXERCISES = [
    Exercise(
        conformal_threshold,
        _threshold_cases,
        "Among n + 1 exchangeable numbers the new one has every rank with probability 1 / (n + 1).",
    ),
    Exercise(
        forget_picture, _forget_cases, "The sum of the features is count times the mean; take one out and divide anew."
    ),
    Exercise(
        known_rates,
        _rate_cases,
        "Each sample gives a rate given its kind; Bayes' rule needs how often each kind comes.",
    ),
]
