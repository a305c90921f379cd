"""Exercises of lesson 07, Prototypical Networks."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import grad

from metalearn_course.lessons.checks import Exercise


def prototype_logits(features: Tensor, y: Tensor, queries: Tensor, n_way: int) -> Tensor:
    """Minus the squared distances (Q, N) of queries (Q, D) to the means of features (M, D) by label y (M,).

    Classes may have different numbers of pictures. No shape depends on the labels, so vmap takes it.
    """
    members = F.one_hot(y, n_way).to(features.dtype)  # (M, N)
    means = members.T @ features / members.sum(0).unsqueeze(1)
    return -(queries.unsqueeze(1) - means).square().sum(-1)


def add_pictures(prototypes: Tensor, counts: Tensor, features: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Prototypes (N, D) and counts (N,) after further pictures, features (M, D) with labels y (M,), M >= 1.

    A class that had no picture (count 0, any prototype) may get its first; one may stay without.
    """
    members = F.one_hot(y, len(counts)).to(features.dtype)  # (M, N)
    new = members.sum(0)
    total = counts + new
    share = (new / total.clamp(min=1)).unsqueeze(1)
    mean = members.T @ features / new.clamp(min=1).unsqueeze(1)
    return torch.where(share > 0, prototypes + share * (mean - prototypes), prototypes), total


def bregman(generator: Callable[[Tensor], Tensor], x: Tensor, p: Tensor) -> Tensor:
    """F(x) - F(p) - grad F(p) . (x - p) for a convex F, `generator`, of a vector; x and p (D,)."""
    return generator(x) - generator(p) - grad(generator)(p) @ (x - p)


def _over_tasks(function: Callable) -> Callable:
    """The function inside vmap, over a batch of tasks."""

    def observed(features, y, queries, n_way):
        return torch.vmap(lambda f, labels, q: function(f, labels, q, n_way))(features, y, queries)

    return observed


def _logit_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(7)
    cases = []
    for labels, n_way in (([[0, 0, 1, 1]] * 2, 2), ([[2, 0, 1, 1, 1, 0], [0, 1, 2, 2, 2, 2], [1, 1, 0, 2, 1, 1]], 3)):
        y = torch.tensor(labels)
        cases.append((torch.randn(*y.shape, 4, generator=g), y, torch.randn(len(y), 5, 4, generator=g), n_way))
    return cases


def _adding_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(8)
    old = torch.randn(3, 4, generator=g)
    return [
        (old, torch.tensor([1.0, 1.0, 1.0]), torch.randn(1, 4, generator=g), torch.tensor([1])),
        (old, torch.tensor([5.0, 2.0, 3.0]), torch.randn(6, 4, generator=g), torch.tensor([0, 2, 2, 0, 0, 2])),
        (old, torch.tensor([4.0, 0.0, 1.0]), torch.randn(3, 4, generator=g), torch.tensor([1, 0, 1])),
        (old, torch.tensor([4.0, 0.0, 0.0]), torch.randn(2, 4, generator=g), torch.tensor([1, 1])),
    ]


def squared_length(x: Tensor) -> Tensor:
    """|x|^2, whose divergence is the squared Euclidean distance."""
    return x @ x


def negative_entropy(x: Tensor) -> Tensor:
    """sum x log x for x > 0, whose divergence is the generalised Kullback-Leibler divergence."""
    return (x * x.log()).sum()


def burg(x: Tensor) -> Tensor:
    """- sum log x for x > 0, whose divergence is that of Itakura and Saito."""
    return -x.log().sum()


def _divergence_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(9)
    x, p = (torch.rand(5, generator=g, dtype=torch.float64) + 0.1 for _ in range(2))
    return [(squared_length, x, p), (negative_entropy, x, p), (burg, x, p), (burg, p, x), (negative_entropy, x, x)]


EXERCISES = [
    Exercise(
        prototype_logits,
        _logit_cases,
        "it has to run inside vmap, where features[y == c] does not; multiply by one-hot labels instead.",
        _over_tasks,
    ),
    Exercise(
        add_pictures,
        _adding_cases,
        "the new mean is old + n/(count + n) * (mean of the n new ones - old); count each class's own n.",
    ),
    Exercise(
        bregman, _divergence_cases, "the gradient is taken at p, the second argument; grad(generator)(p) gives it."
    ),
]
