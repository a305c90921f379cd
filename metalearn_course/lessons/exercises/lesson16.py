"""Exercises of lesson 16, learning in the forward pass."""

from collections.abc import Callable

import torch
from torch import Tensor

from metalearn_course.lessons.checks import Exercise


def gradient_step(x: Tensor, y: Tensor, asked: Tensor, rate: float) -> Tensor:
    """Predictions (Q,) for asked (Q, D) after one step on x (M, D), y (M,), from w = 0, as linear attention.

    The loss is the mean of (w . x - y)^2 / 2. No w is ever written down: only products of inputs.
    """
    return rate * (asked @ x.T) @ y / len(y)


def renamed(y: Tensor, n_way: int) -> Tensor:
    """Labels (M,) in which no class keeps its name, all pictures of a class share one, and no two classes do."""
    return (y + 1) % n_way


def follows(answers: Tensor, context: Tensor, memory: Tensor) -> Tensor:
    """Shares (3,) of the answers (Q,) that follow the context, memory, and neither, where the two disagree.

    Queries on which context (Q,) and memory (Q,) agree say nothing and are left out.
    """
    telling = context != memory
    by_context = (answers == context)[telling].float().mean()
    by_memory = (answers == memory)[telling].float().mean()
    return torch.stack([by_context, by_memory, 1 - by_context - by_memory])


def _properties(function: Callable) -> Callable:
    """What any right renaming has: where labels go is free."""

    def observed(y, n_way):
        new = function(y, n_way)
        same, same_after = y.unsqueeze(0) == y.unsqueeze(1), new.unsqueeze(0) == new.unsqueeze(1)
        within = (new >= 0).all() & (new < n_way).all()
        return torch.stack([(new != y).all(), (same == same_after).all(), within])

    return observed


def _regression_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(1)
    sizes = ((4, 2, 3), (10, 5, 1), (1, 3, 2))
    return [
        (torch.randn(m, d, generator=g), torch.randn(m, generator=g), torch.randn(q, d, generator=g), 0.1 * (i + 1))
        for i, (m, d, q) in enumerate(sizes)
    ]


def _following_cases() -> list[tuple]:
    return [
        (torch.tensor([0, 1, 2, 3]), torch.tensor([0, 1, 0, 0]), torch.tensor([1, 2, 2, 1])),
        (torch.tensor([0, 1, 2, 3, 3]), torch.tensor([0, 1, 2, 3, 1]), torch.tensor([0, 1, 2, 0, 3])),
    ]


EXERCISES = [
    Exercise(
        gradient_step,
        _regression_cases,
        "the gradient at w = 0 is -(1/M) sum of y_i x_i; take the product with asked before you add up.",
    ),
    Exercise(
        renamed,
        lambda: [(torch.tensor([0, 1, 2]), 3), (torch.tensor([1, 0, 0, 1]), 2), (torch.tensor([3, 3, 0, 2, 1, 1]), 5)],
        "the three properties are compared one by one: no class keeps its name, pictures of a class stay together "
        "and apart from others, labels stay below n_way. Moving every label on by one has them all.",
        _properties,
    ),
    Exercise(
        follows,
        _following_cases,
        "first keep the queries with context != memory; then three means that add up to 1.",
    ),
]
