"""Generated pictures of one task, and what a head fitted to real and generated ones decides."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metalearn_course.learners.vilm import VILM
from metalearn_course.sampling import EpisodeSampler


@dataclass(frozen=True, eq=False)
class Generated:
    """One task with m generated pictures a class, and the accuracy over several tasks."""

    task: int
    m: int
    temperature: float
    pictures: Tensor  # (n_way, m, C, H, W) in 0..1
    right: Tensor  # (n_way, n_query), row c of class c
    accuracy: Tensor  # (2,): without and with generated pictures, mean over n_episodes tasks, in 0..1
    n_episodes: int

    @property
    def summary(self) -> str:
        """The picture in two sentences."""
        without, given = (100 * self.accuracy).tolist()
        return (
            f"Task {self.task}, {self.m} generated pictures a class, temperature {self.temperature:.1f}: "
            f"{int(self.right.sum())} of {self.right.numel()} queries are right. "
            f"Over {self.n_episodes} tasks it is {given:.1f} %, without generated pictures {without:.1f} %."
        )


class GeneratedExplorer:
    """A trained VILM on tasks of one sampler."""

    def __init__(self, learner: VILM, sampler: EpisodeSampler, n_episodes: int = 8):
        if n_episodes < 1:
            raise ValueError(f"n_episodes={n_episodes}: at least one is needed")
        self.learner, self.sampler, self.n_episodes = learner, sampler, n_episodes
        self._many, self._known = sampler.sample_tasks(1, 0, range(n_episodes)), {}
        self.draw(0)

    def draw(self, task: int) -> None:
        """Another task."""
        self.number, self.episodes = task, self.sampler.sample_tasks(0, 0, [task])

    @torch.no_grad()
    def look(self, m: int, temperature: float) -> Generated:
        """The task with m pictures a class, drawn with z of the given deviation."""
        task, n_way = self.episodes.task(0), self.sampler.n_way
        pictures = task.support.x.new_zeros(n_way, 0, *task.support.x.shape[1:])
        if m:
            made = self.learner.generate(task.support, m, n_way=n_way, temperature=temperature)
            pictures = made.x.unflatten(0, (n_way, m))
        right = self._right(self.episodes, m, temperature)[0].view(n_way, -1)
        accuracy = torch.stack([self._accuracy(0, 1.0), self._accuracy(m, temperature)])
        return Generated(self.number, m, temperature, pictures, right, accuracy, self.n_episodes)

    def _accuracy(self, m: int, temperature: float) -> Tensor:
        key = (m, temperature if m else 1.0)
        if key not in self._known:
            self._known[key] = self._right(self._many, *key).float().mean()
        return self._known[key]

    def _right(self, episodes, m: int, temperature: float) -> Tensor:
        """(T, Q), whether an answer is right."""
        logits = self.learner.episode_logits(episodes, self.learner.norm, m=m, temperature=temperature)
        return logits.argmax(-1) == episodes.query.y
