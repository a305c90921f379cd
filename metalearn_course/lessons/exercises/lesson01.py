"""Exercises of lesson 01, tasks and episodes."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.lessons.checks import Exercise


def nearest_mean(support_x: Tensor, support_y: Tensor, query_x: Tensor, n_way: int) -> Tensor:
    """Labels (Q,) of the nearest class mean: features (M, D) and labels (M,) of the support, queries (Q, D)."""
    members = F.one_hot(support_y, n_way).float()  # (M, N)
    means = members.T @ support_x / members.sum(0).unsqueeze(1)  # (N, D)
    return torch.cdist(query_x, means).argmin(1)


def paired_interval(right_a: Tensor, right_b: Tensor) -> tuple[float, float]:
    """Mean of a - b and half of its 95 % interval; right answers (episodes, queries) of the same episodes."""
    difference = right_a.float().mean(1) - right_b.float().mean(1)
    return difference.mean().item(), 1.96 * difference.std().item() / math.sqrt(len(difference))


def group_split(groups: list[str], n_train: int) -> tuple[list[int], list[int]]:
    """Class indices (train, test): n_train groups shuffled into train, the rest into test, no group torn."""
    names = sorted(set(groups))
    chosen = {names[i] for i in torch.randperm(len(names))[:n_train]}
    train = [c for c, group in enumerate(groups) if group in chosen]
    return train, [c for c, group in enumerate(groups) if group not in chosen]


def _faults(split):
    """What a split is judged by, since any shuffling will do: (classes lost or doubled, groups torn, train groups)."""

    def observed(groups, n_train):
        train, test = split(groups, n_train)
        seen = sorted([*map(int, train), *map(int, test)])
        left, right = ({groups[int(c)] for c in part} for part in (train, test))
        return int(seen != list(range(len(groups)))), len(left & right), len(left)

    return observed


def _shot_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(1)
    mixed, unequal = torch.tensor([2, 0, 1, 1, 0, 2]), torch.tensor([0, 1, 1, 2, 1, 0, 2])
    return [(torch.randn(len(y), 4, generator=g), y, torch.randn(9, 4, generator=g), 3) for y in (mixed, unequal)]


def _pairs() -> list[tuple]:
    g = torch.Generator().manual_seed(2)
    cases = []
    for n_episodes in (40, 120):
        hardness = torch.rand(n_episodes, 1, generator=g)
        cases.append(tuple(torch.rand(n_episodes, 10, generator=g) < shift + 0.6 * hardness for shift in (0.3, 0.2)))
    return cases


def _grouped() -> list[tuple]:
    return [(["a", "b", "a", "c", "d", "b", "e"], 3), ([f"character{c % 20}" for c in range(80)], 13)]


EXERCISES = [
    Exercise(nearest_mean, _shot_cases, "average the support by label, not by position; classes may differ in shots"),
    Exercise(paired_interval, _pairs, "one difference an episode; its own standard deviation over episodes"),
    Exercise(
        group_split,
        _grouped,
        "compared are (1 if classes are lost or doubled, groups on both sides, groups in train): choose groups first, "
        "then collect their classes",
        _faults,
    ),
]
