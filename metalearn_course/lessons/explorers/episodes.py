"""One task of any size, and what learners make of it that have never trained.

All three look at pictures through inner products alone, so the inner products of a task are taken
once, and a task with fewer ways, shots or queries is a smaller part of the same table.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from metalearn_course.datasets import ImageClasses
from metalearn_course.episode import LabelledSet
from metalearn_course.evaluation.intervals import ci95
from metalearn_course.sampling import EpisodeSampler, task_generator

BASELINES = ("nearest picture", "nearest feature", "logistic regression")


@dataclass(frozen=True, eq=False)
class Baseline:
    """One baseline on the task in sight, and on average."""

    name: str
    guesses: Tensor  # (Q,) labels that it gives to the queries of this task
    accuracy: float  # on this task, 0..1
    mean: float  # over the explorer's episodes, 0..1
    ci95: float  # half the width of the 95 % interval of the mean


@dataclass(frozen=True, eq=False)
class Look:
    """One task and its baselines."""

    support: LabelledSet
    query: LabelledSet
    n_way: int
    n_episodes: int
    baselines: tuple[Baseline, ...]

    @property
    def summary(self) -> str:
        """The picture in two sentences."""
        n = len(self.query.y)
        here = ", ".join(f"{b.name} {round(b.accuracy * n)}" for b in self.baselines)
        mean = ", ".join(f"{b.name} {100 * b.mean:.0f} % ± {100 * b.ci95:.0f}" for b in self.baselines)
        ways, shots = (
            f"{self.n_way}-way {len(self.support.y) // self.n_way}-shot",
            f"{n} quer{'y' if n == 1 else 'ies'}",
        )
        return (
            f"{ways}, {shots}. Right answers on this task: {here}. "
            f"Mean of {self.n_episodes} tasks: {mean}; guessing {100 / self.n_way:.0f} %."
        )


class EpisodeExplorer:
    """Baselines on a task with any number of ways, shots and queries up to a largest one.

    embed maps pictures (M, C, H, W) to features (M, D), each picture by itself: an untrained net, say.
    """

    def __init__(
        self,
        images: ImageClasses,
        embed: Callable[[Tensor], Tensor],
        n_way: int = 8,
        k_shot: int = 5,
        n_query: int = 5,
        n_episodes: int = 60,
    ):
        if n_episodes < 2:
            raise ValueError(f"n_episodes={n_episodes}: an interval needs at least two")
        self.sampler, self.embed, self.n_episodes = EpisodeSampler(images, n_way, k_shot, n_query), embed, n_episodes
        _, self.many = self._sample(n_episodes, task_generator(1, 0, 0))
        self._known: dict[tuple[int, int], tuple[Tensor, ...]] = {}  # answers on the many, by ways and shots
        self.draw(0)

    def draw(self, seed: int) -> None:
        """Another task. A smaller task is part of a larger one: the same classes and pictures, fewer of them."""
        self.pictures, self.one = self._sample(1, task_generator(0, 0, seed))

    def look(self, n_way: int, k_shot: int, n_query: int) -> Look:
        """The task with its first n_way classes, k_shot and n_query pictures; ValueError beyond the largest."""
        s, q = self._positions(n_way, k_shot, n_query)
        side = torch.arange(n_way)
        support = LabelledSet(self.pictures[0, s], side.repeat_interleave(k_shot))
        query = LabelledSet(self.pictures[0, q], side.repeat_interleave(n_query))
        here = _answers(self.one, s, q, support.y, n_way)
        scores = []
        for name, guesses, over in zip(BASELINES, here, self._answers_on_many(n_way, k_shot)):
            right = (over[..., :n_query] == side.unsqueeze(1)).float().mean((1, 2))  # (E,)
            hits = (guesses[0] == query.y).float().mean().item()
            scores.append(Baseline(name, guesses[0], hits, right.mean().item(), ci95(right)))
        return Look(support, query, n_way, self.n_episodes, tuple(scores))

    def _answers_on_many(self, n_way: int, k_shot: int) -> tuple[Tensor, ...]:
        """Each baseline's answers (E, N, Q) with all queries there are; remembered, for sliders go back and forth."""
        if (n_way, k_shot) not in self._known:
            n_query = self.sampler.n_query
            s, q = self._positions(n_way, k_shot, n_query)
            answers = _answers(self.many, s, q, torch.arange(n_way).repeat_interleave(k_shot), n_way)
            self._known[n_way, k_shot] = tuple(a.view(self.n_episodes, n_way, n_query) for a in answers)
        return self._known[n_way, k_shot]

    def _sample(self, n_tasks: int, generator: torch.Generator) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Pictures (T, P, C, H, W) of the largest tasks, and their inner products (T, P, P) as pixels and features."""
        x = self.sampler.images.pictures(*self.sampler.draw(n_tasks, generator)).flatten(1, 2)
        with torch.no_grad():
            features = self.embed(x.flatten(0, 1)).view(*x.shape[:2], -1)
        pixels = x.flatten(2)
        return x, (pixels @ pixels.mT, features @ features.mT)

    def _positions(self, n_way: int, k_shot: int, n_query: int) -> tuple[Tensor, Tensor]:
        """Where the support and the query pictures of a smaller task stand among the P of the largest."""
        most = self.sampler
        asked = {"n_way": (n_way, most.n_way), "k_shot": (k_shot, most.k_shot), "n_query": (n_query, most.n_query)}
        for name, (value, limit) in asked.items():
            if not 1 + (name == "n_way") <= value <= limit:
                raise ValueError(
                    f"{name}={value}: this explorer was made for at most {limit}; ask for less or make one"
                )
        table = torch.arange(most.n_way * (most.k_shot + most.n_query)).view(most.n_way, -1)[:n_way]
        return table[:, :k_shot].flatten(), table[:, most.k_shot :][:, :n_query].flatten()


def nearest(products: Tensor, s: Tensor, q: Tensor, y: Tensor) -> Tensor:
    """Label (T, Q) of the nearest support picture, from inner products (T, P, P) and positions s (M,), q (Q,)."""
    lengths = products.diagonal(dim1=1, dim2=2)[:, s]  # |s|^2; |q|^2 is the same for all of s
    distances = lengths.unsqueeze(1) - 2 * products[:, q][:, :, s]  # (T, Q, M)
    return y[distances.argmin(-1)]


def logistic_regression(ss: Tensor, qs: Tensor, y: Tensor, n_way: int, steps: int = 60) -> Tensor:
    """Logits (T, Q, N) of the linear classifier W that minimises sum of cross-entropies + |W|^2 / 2.

    ss (T, M, M) and qs (T, Q, M) are inner products with the support pictures. The minimiser is a sum
    of support pictures, W = X^T A, so A (T, M, N) is what is looked for, by gradient descent with
    Nesterov's momentum for a strongly convex function (Nesterov 2004, section 2.2). The gradient with
    respect to W is X^T (P - Y + A), where P holds the probabilities and Y the one-hot labels.
    """
    wanted = F.one_hot(y, n_way).to(ss.dtype)
    steepest = 1 + ss.abs().sum(-1).amax(-1).view(-1, 1, 1) / 2  # no less than the largest curvature; the least is 1
    momentum = (steepest.sqrt() - 1) / (steepest.sqrt() + 1)
    a = ahead = ss.new_zeros(*ss.shape[:2], n_way)
    for _ in range(steps):
        before, a = a, ahead - ((ss @ ahead).softmax(-1) - wanted + ahead) / steepest
        ahead = a + momentum * (a - before)
    return qs @ a


def centred(products: Tensor, s: Tensor, q: Tensor) -> tuple[Tensor, Tensor]:
    """Inner products (T, M, M) and (T, Q, M) after the mean support picture was taken off every picture."""
    ss, qs = products[:, s][:, :, s], products[:, q][:, :, s]
    column = ss.mean(1, keepdim=True) - ss.mean((1, 2), keepdim=True)
    return ss - ss.mean(2, keepdim=True) - column, qs - qs.mean(2, keepdim=True) - column


def _answers(tables: tuple[Tensor, Tensor], s: Tensor, q: Tensor, y: Tensor, n_way: int) -> tuple[Tensor, ...]:
    """What each of the baselines answers, (T, Q)."""
    pixels, features = tables
    linear = logistic_regression(*centred(pixels, s, q), y, n_way).argmax(-1)
    return nearest(pixels, s, q, y), nearest(features, s, q, y), linear
