"""Three classes in the plane of their prototypes, where a prototypical network's answers can be seen.

Three points span a plane. The squared distance of a feature to a point of the plane is the distance
within the plane squared, plus the height above it squared (Pythagoras); the height is the same for
all three prototypes. So the nearest prototype in the plane is the nearest one in all dimensions:
nothing is lost. With cosines the same holds for features and prototypes of length one, since
|f - p|^2 = 2 - 2 cos(f, p) there.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.episode import Episode
from metalearn_course.evaluation.intervals import ci95
from metalearn_course.learners.protonet import ProtoNet
from metalearn_course.sampling import EpisodeSampler


@dataclass(frozen=True, eq=False)
class PrototypePlane:
    """One task in the plane, and the accuracy over many tasks for every number of shots."""

    learner: str
    task: int
    k_shot: int
    prototypes: Tensor  # (3, 2)
    support: Tensor  # (3, k_shot, 2)
    query: Tensor  # (3, n_query, 2), row c of class c
    answers: Tensor  # (3, n_query) labels
    by_shots: Tensor  # (most shots, 2): mean accuracy over tasks and half its 95 % interval, in 0..1
    n_episodes: int

    @property
    def right(self) -> Tensor:
        """(3, n_query), whether an answer is right."""
        return self.answers == torch.arange(3).unsqueeze(1)

    @property
    def summary(self) -> str:
        """The picture in two sentences."""
        mean, half = (100 * self.by_shots[self.k_shot - 1]).tolist()
        return (
            f"Learner {self.learner}, {self.k_shot} shot{'s' * (self.k_shot != 1)}, task {self.task}: "
            f"{int(self.right.sum())} of {self.right.numel()} queries lie in the region of their own class. "
            f"Over {self.n_episodes} tasks it is {mean:.1f} % ± {half:.1f}."
        )


class PrototypeExplorer:
    """ProtoNets by name on 3-way tasks of one sampler, with 1 to sampler.k_shot shots.

    The learners need their running statistics (`fit` and `calibrate` measure them), so that a feature
    depends on its own picture alone and stays where it is when a shot comes to another class.
    """

    def __init__(self, learners: dict[str, ProtoNet], sampler: EpisodeSampler, n_episodes: int = 40):
        if sampler.n_way != 3:
            raise ValueError(f"n_way={sampler.n_way}: three prototypes span a plane, so give a sampler with n_way=3")
        if n_episodes < 2:
            raise ValueError(f"n_episodes={n_episodes}: an interval needs at least two")
        self.learners, self.sampler, self.n_episodes = learners, sampler, n_episodes
        many = sampler.sample_tasks(1, 0, range(n_episodes))
        self._by_shots = {name: self._accuracies(name, many) for name in learners}
        self.draw(0)

    def draw(self, task: int) -> None:
        """Another task. The support of fewer shots is part of that of more; queries stay the same."""
        self.number = task
        self.episodes = self.sampler.sample_tasks(0, 0, [task])
        self._features = {name: self._embed(name, self.episodes) for name in self.learners}

    def look(self, learner: str, k_shot: int) -> PrototypePlane:
        """The task as the named learner sees it with the first k_shot pictures of every class."""
        if not 1 <= k_shot <= self.sampler.k_shot:
            raise ValueError(f"k_shot={k_shot}: the sampler draws 1 to {self.sampler.k_shot}")
        support, query = (part[0] for part in self._features[learner])  # (3, K, D), (3, Q, D)
        centres = self._centres(learner, support[:, :k_shot])
        origin, axes = plane(centres)
        known = F.normalize(support, dim=-1) if self._cosine(learner) else support
        flat = [(points - origin) @ axes for points in (centres, known[:, :k_shot], query)]
        answers = nearest(query, centres)
        return PrototypePlane(learner, self.number, k_shot, *flat, answers, self._by_shots[learner], self.n_episodes)

    def _embed(self, name: str, episodes: Episode) -> tuple[Tensor, Tensor]:
        """Features of support (T, 3, K, D) and query (T, 3, Q, D), queries of length one where cosines count."""
        learner, found = self.learners[name], []
        with torch.no_grad():
            for x in (episodes.support.x, episodes.query.x):
                features = torch.stack([learner.net(task, learner.running_stats()) for task in x])
                found.append(features.unflatten(1, (3, -1)))
        return found[0], F.normalize(found[1], dim=-1) if self._cosine(name) else found[1]

    def _centres(self, name: str, support: Tensor) -> Tensor:
        """Prototypes (..., 3, D) of support features (..., 3, K, D)."""
        means = support.mean(-2)
        return F.normalize(means, dim=-1) if self._cosine(name) else means

    def _cosine(self, name: str) -> bool:
        return self.learners[name].config["distance"] == "cosine"

    def _accuracies(self, name: str, episodes: Episode) -> Tensor:
        support, query = self._embed(name, episodes)
        rows = []
        for k in range(1, self.sampler.k_shot + 1):
            answers = nearest(query, self._centres(name, support[:, :, :k]).unsqueeze(1))
            right = (answers == torch.arange(3).unsqueeze(1)).float().mean((1, 2))  # (T,)
            rows.append(torch.tensor([right.mean(), ci95(right)]))
        return torch.stack(rows)


def nearest(points: Tensor, centres: Tensor) -> Tensor:
    """Which of centres (..., N, D) is nearest to each of points (..., Q, D): (..., Q)."""
    return (points.unsqueeze(-2) - centres.unsqueeze(-3)).square().sum(-1).argmin(-1)


def plane(centres: Tensor) -> tuple[Tensor, Tensor]:
    """Origin (D,) and two orthonormal axes (D, 2) of the plane through three points (3, D).

    The origin is their mean and the first point lies straight above it, so that pictures of similar
    planes look similar.
    """
    origin = centres.mean(0)
    up = F.normalize(centres[0] - origin, dim=0)
    across = centres[2] - centres[1]
    return origin, torch.stack([F.normalize(across - (across @ up) * up, dim=0), up], 1)
