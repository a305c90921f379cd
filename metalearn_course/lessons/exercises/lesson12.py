"""Exercises of lesson 12, zero-shot learning."""

from collections.abc import Sequence

import torch
from torch import Tensor

from metalearn_course.lessons.checks import Exercise


def generalised(scores: Tensor, y: Tensor, seen: Tensor, constant: float) -> tuple[float, float, float]:
    """(S, U, H) of scores (M, N) with right answers y (M,), where seen (N,) says which classes were trained on.

    The constant is taken from the scores of seen classes. S is the accuracy on pictures of seen classes, U on those
    of unseen ones, H their harmonic mean, 0 where both are 0.
    """
    right = (scores - constant * seen.float()).argmax(1) == y
    s, u = right[seen[y]].float().mean().item(), right[~seen[y]].float().mean().item()
    return s, u, 2 * s * u / (s + u) if s + u else 0.0


def leaks(
    train: Sequence[str], test: Sequence[str], group: dict[str, str], description: dict[str, frozenset]
) -> list[bool]:
    """Whether each test class does not belong there.

    A class does not belong there if it is a training class, if it shares its group (its look-alikes) with one, if a
    training class has the same description, or if it has a word that no training class has.
    """
    groups, described = {group[name] for name in train}, {description[name] for name in train}
    known = frozenset().union(*described)
    return [group[name] in groups or description[name] in described or not description[name] <= known for name in test]


def combine(described: Tensor, features: Tensor, tau: float, sigma: float) -> Tensor:
    """The most probable prototype (D,) given a description and k >= 0 pictures, features (k, D).

    The prototype lies around `described` (D,) with standard deviation tau in every direction, and the features of
    pictures around the prototype with standard deviation sigma.
    """
    trust = len(features) * tau**2 / (len(features) * tau**2 + sigma**2)
    return described + trust * (features.mean(0) - described) if len(features) else described


def _generalised_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(12)
    cases = []
    for constant in (0.0, 0.4):
        seen = torch.tensor([True, False, True, True, False])
        y = torch.tensor([0, 1, 2, 3, 4, 0, 1, 4, 4])
        scores = torch.rand(9, 5, generator=g) + 0.7 * torch.nn.functional.one_hot(y, 5) + 0.4 * seen.float()
        cases.append((scores, y, seen, constant))
    return [*cases, (torch.tensor([[0.0, 1.0], [1.0, 0.0]]), torch.tensor([0, 1]), torch.tensor([True, False]), 0.0)]


def _leak_cases() -> list[tuple]:
    words = {"a": "x y", "b": "x z", "c": "y z", "d": "x y z", "e": "x w", "f": "x y"}
    description = {name: frozenset(said.split()) for name, said in words.items()}
    alone = {name: name for name in words}
    return [
        (["a", "b"], ["c", "d"], alone, description),
        (["a", "b"], ["c", "d"], alone | {"c": "a"}, description),
        (["a", "b"], ["c", "e", "f"], alone, description),
        (["a", "b", "c"], ["c", "d", "e"], alone, description),
    ]


def _combine_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(13)
    return [
        (torch.randn(4, generator=g), torch.randn(k, 4, generator=g), tau, sigma)
        for k, tau, sigma in ((1, 0.5, 0.5), (3, 0.2, 0.6), (0, 0.3, 0.3))
    ]


EXERCISES = [
    Exercise(
        generalised,
        _generalised_cases,
        "Every picture has all N classes to choose from; only afterwards are the pictures sorted into seen and unseen.",
    ),
    Exercise(
        leaks,
        _leak_cases,
        "Ask of each test class what of it training could have seen, and whether its words were ever explained.",
    ),
    Exercise(
        combine,
        _combine_cases,
        "Two Gaussians multiplied: each is weighted by one over its variance, k pictures count k times.",
    ),
]
