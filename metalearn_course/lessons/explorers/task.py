"""What explorers of one task share: a learner, and a task whose shots can be taken away."""

import torch

from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.learners import Learner
from metalearn_course.sampling import EpisodeSampler


class TaskExplorer:
    """A learner on a fixed task of the sampler, with 1 to sampler.k_shot shots."""

    def __init__(self, learner: Learner, sampler: EpisodeSampler, seed: int = 0):
        self.learner, self.sampler = learner, sampler
        self.draw(seed)

    def draw(self, seed: int) -> None:
        """Another task. The support of fewer shots is part of that of more; queries stay the same."""
        self.task: Episode = self.sampler.sample_tasks(seed, 0, [0]).task(0)

    def shots(self, k_shot: int) -> LabelledSet:
        """The first k_shot support pictures of every class; ValueError where there are not so many."""
        if not 1 <= k_shot <= self.sampler.k_shot:
            raise ValueError(f"k_shot={k_shot}: this task has 1 to {self.sampler.k_shot} pictures of each class")
        x, y = self.task.support
        keep = torch.arange(len(y)).view(self.sampler.n_way, -1)[:, :k_shot].flatten()
        return LabelledSet(x[keep], y[keep])
