"""Drawing episodes: an index calculation on the CPU and one gather on the device of the pictures."""

import copy
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from metalearn_course.datasets import ImageClasses
from metalearn_course.episode import Episode, LabelledSet


def task_generator(seed: int, step: int, task: int, stream: int = 0) -> torch.Generator:
    """A random stream of task `task` in step `step`, independent of how many tasks a step has.

    Stream 0 draws the episode, stream 1 the learner's own noise.
    """
    mixed = np.random.SeedSequence((seed, step, task, stream)).generate_state(1, np.uint64)[0]
    return torch.Generator().manual_seed(int(mixed >> 1))  # manual_seed takes 63 bits without a sign


class EpisodeSampler:
    """Draws n_way classes of different groups, then k_shot + n_query different pictures of each.

    Labels are given by the order in which the classes were drawn, so a class has another label in
    every task and a learner cannot know it without reading the support set.
    """

    def __init__(self, images: ImageClasses, n_way: int, k_shot: int, n_query: int):
        _check(images, n_way, k_shot, n_query)
        self.images, self.n_way, self.k_shot, self.n_query = images, n_way, k_shot, n_query
        members: dict[str, list[int]] = {}
        for index, group in enumerate(images.groups):
            members.setdefault(group, []).append(index)
        self._sizes = torch.tensor([len(m) for m in members.values()])  # (G,)
        padded = [torch.tensor(m) for m in members.values()]
        self._members = torch.nn.utils.rnn.pad_sequence(padded, batch_first=True)  # (G, largest group)

    def to(self, device) -> "EpisodeSampler":
        """The same sampler with the pictures, and so the episodes, on another device."""
        moved = copy.copy(self)
        moved.images = self.images.to(device)
        return moved

    def sample(self, n_tasks: int, generator: torch.Generator | None = None) -> Episode:
        """A batch of n_tasks episodes: support x (T, N*K, C, H, W), y (T, N*K), classes (T, N)."""
        return self.gather(*self.draw(n_tasks, generator))

    def sample_tasks(self, seed: int, step: int, tasks: Iterable[int]) -> Episode:
        """The given tasks of a step; task i is a function of (seed, step, i) alone."""
        return self.gather(*self.draw_tasks(seed, step, tasks))

    def draw_tasks(self, seed: int, step: int, tasks: Iterable[int]) -> tuple[Tensor, Tensor]:
        """The indices of `sample_tasks` alone."""
        drawn = [self.draw(1, task_generator(seed, step, task)) for task in tasks]
        classes, numbers = zip(*drawn)
        return torch.cat(classes), torch.cat(numbers)

    def draw(self, n_tasks: int, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Indices alone: classes (T, N), and for each the numbers of its pictures (T, N, K + Q)."""
        n_pictures = self.k_shot + self.n_query
        scores = torch.rand(n_tasks, len(self._sizes), generator=generator)
        groups = scores.topk(self.n_way).indices  # (T, N), different groups in random order
        pick = torch.rand(n_tasks, self.n_way, generator=generator) * self._sizes[groups]
        classes = self._members[groups, pick.long()]  # (T, N)
        scores = torch.rand(n_tasks, self.n_way, int(self.images.counts.max()), generator=generator)
        missing = torch.arange(scores.shape[-1]) >= self.images.counts[classes].unsqueeze(-1)
        numbers = scores.masked_fill(missing, -1).topk(n_pictures).indices
        return classes, numbers

    def gather(self, classes: Tensor, numbers: Tensor) -> Episode:
        """The episodes with the given indices."""
        parts = numbers.split((self.k_shot, self.n_query), dim=-1)
        return Episode(*(self._labelled(classes, part) for part in parts), classes)

    def _labelled(self, classes: Tensor, numbers: Tensor) -> LabelledSet:
        x = self.images.pictures(classes, numbers)  # (T, N, K, C, H, W)
        y = torch.arange(self.n_way, device=x.device).view(1, -1, 1).expand(x.shape[:3])
        return LabelledSet(x.flatten(1, 2), y.flatten(1, 2))


def _check(images: ImageClasses, n_way: int, k_shot: int, n_query: int) -> None:
    """Refuse what cannot be drawn, saying why and what to change."""
    if n_way < 2:
        raise ValueError(f"n_way={n_way}: a task needs at least two classes to tell apart")
    if k_shot < 1 or n_query < 1:
        raise ValueError(f"k_shot={k_shot}, n_query={n_query}: both must be at least 1")
    n_groups = len(set(images.groups))
    if n_groups < n_way:
        raise ValueError(
            f"n_way={n_way}, but {images.name} has only {n_groups} groups of classes here and a task takes at most "
            "one class of each; lower n_way or give this part of the split more classes"
        )
    smallest = int(images.counts.argmin())
    if images.counts[smallest] < k_shot + n_query:
        raise ValueError(
            f"class {images.names[smallest]!r} has {int(images.counts[smallest])} pictures, but k_shot + n_query = "
            f"{k_shot + n_query}; lower one of them, or leave small classes out with "
            f"images.with_at_least({k_shot + n_query})"
        )
