"""What every learner is: two pure functions of one task, and what follows from them.

A learner writes
    adapt_state(support, *, n_way, norm, noise) -> state    a pytree of tensors
    logits(state, x) -> (Q, N)
and inherits losses over a batch of tasks, gradient accumulation, and `adapt` for readers. A learner
with another objective overrides `task_loss`; one without an outer loss (Reptile) overrides
`accumulate_gradient`; one that draws random numbers (a Bayesian one) says in `draw_noise` what it
needs and gets it handed in, so that a task stays a function of its seed.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.sampling import task_generator


def map_tasks(function: Callable, *trees, batching: str = "vmap") -> Any:
    """function(*task i of each tree), a pytree, for every task i, stacked: the one place that decides how.

    "vmap" runs all tasks at once, with a grouped convolution where every task has weights of its own.
    "loop" runs them one by one: the same numbers, for a function that vmap refuses. On two cores vmap
    takes two thirds of the loop's time for small tasks and as long for large ones (benchmarks/ranks.py).
    """
    n_tasks = len(tree_leaves(trees)[0])
    if batching == "vmap" and n_tasks > 1:
        return torch.vmap(function, randomness="error")(*trees)
    if batching not in ("vmap", "loop"):
        raise ValueError(f"batching={batching!r}: choose 'vmap' or 'loop'")
    results = [function(*tree_map(lambda leaf: leaf[i], trees)) for i in range(n_tasks)]  # noqa: B023
    return tree_map(lambda *leaves: torch.stack(leaves), *results)


class Predictor:
    """A learner adapted to one task: pictures (Q, C, H, W) in, logits (Q, n_way) out."""

    def __init__(self, learner: "Learner", state: Any):
        self.learner, self.state = learner, state

    @torch.no_grad()
    def __call__(self, x: Tensor) -> Tensor:
        return self.learner.logits(self.state, x)


class Learner(nn.Module):
    """Base of all learners. Subclasses take their hyper-parameters by name and keep them in `config`.

    The command line makes an option of each, with the docstring's line about it as help.

    norm: what normalises the queries in training
    """

    norms = ("query", "support")  # normalisation modes that the learner can work with
    train_defaults: dict[str, Any] = {}  # of `metalearn train`, where other numbers serve better than the usual ones
    test_options: dict[str, Any] = {}  # what `adapt_state` gets at test time and not in training

    def __init__(self, n_way: int, norm: str = "query"):
        super().__init__()
        if n_way < 2:
            raise ValueError(f"n_way={n_way}: a task needs at least two classes to tell apart")
        self.n_way, self.norm = n_way, self._known_norm(norm)
        self.batching = "vmap"
        self.trained_on: dict | None = None  # dataset hash and groups; `training.fit` fills it in

    # What a learner writes -------------------------------------------------------------------

    def adapt_state(self, support: LabelledSet, *, n_way=None, norm=None, noise=(), **options) -> Any:
        """The task's state, a pytree of tensors, from its support set alone."""
        raise NotImplementedError

    def logits(self, state: Any, x: Tensor) -> Tensor:
        """(Q, n_way) scores of the pictures x (Q, C, H, W)."""
        raise NotImplementedError

    def draw_noise(self, generator: torch.Generator) -> Any:
        """Random tensors for one task, as a pytree; nothing for most learners."""
        return ()

    def task_loss(self, episode: Episode, noise=()) -> Tensor:
        """The outer loss of one task: cross-entropy on the query after adapting to the support."""
        state = self.adapt_state(episode.support, n_way=episode.n_way, norm=self.norm, noise=noise)
        return F.cross_entropy(self.logits(state, episode.query.x), episode.query.y)

    def noise_for(self, seed: int, step: int, tasks: Iterable[int], device="cpu") -> Any:
        """The noise of the given tasks of a step, stacked along a task axis."""
        drawn = [self.draw_noise(task_generator(seed, step, task, stream=1)) for task in tasks]
        return tree_map(lambda *tensors: torch.stack(tensors).to(device), *drawn)

    # What follows ----------------------------------------------------------------------------

    def losses(self, episodes: Episode, noise=()) -> Tensor:
        """Outer loss of every task, (T,)."""
        self._check(episodes.support, task_axis=True)
        self._check_ways(episodes.n_way)
        return map_tasks(self.task_loss, episodes, noise, batching=self.batching)

    def accumulate_gradient(self, episodes: Episode, noise=(), chunk_size: int | None = None) -> Tensor:
        """Add the gradient of the mean loss to `.grad`, chunk by chunk; returns the losses (T,), detached.

        The graph of a chunk is freed before the next one is built, so memory is that of a chunk.
        """
        losses = []
        for chunk in self.chunks(episodes, chunk_size):
            loss = self.losses(episodes.task(chunk), tree_map(lambda tensor: tensor[chunk], noise))  # noqa: B023
            (loss.sum() / episodes.n_tasks).backward()
            losses.append(loss.detach())
        return torch.cat(losses)

    def chunks(self, episodes: Episode, chunk_size: int | None = None) -> Iterator[slice]:
        """Slices of the task axis: by default eight tasks at a time on a CPU and sixteen on other devices."""
        chunk_size = chunk_size or (8 if episodes.query.x.device.type == "cpu" else 16)
        return (slice(start, start + chunk_size) for start in range(0, episodes.n_tasks, chunk_size))

    @torch.no_grad()
    def adapt(self, support: LabelledSet, norm: str = "support", **options) -> Predictor:
        """Learn one task from its support set (no task axis); no query is in sight.

        norm="support" predicts every query on its own; norm="query" normalises with the batch of
        queries that is being predicted (transductive). Options go to `adapt_state`: MAML takes
        steps and inner_lr. ValueError where the support set does not fit the learner.
        """
        self._check(support, task_axis=False)
        n_way = int(support.y.max()) + 1
        self._check_ways(n_way)
        options = {**self.test_options, **options}
        return Predictor(self, self.adapt_state(support, n_way=n_way, norm=self._known_norm(norm), **options))

    @torch.no_grad()
    def episode_logits(self, episodes: Episode, norm: str, noise=(), **options) -> Tensor:
        """Test-time logits of all queries of a batch of tasks, (T, Q, N): what evaluation scores."""
        norm = self._known_norm(norm)
        self._check_ways(episodes.n_way)
        options = {**self.test_options, **options}

        def predict(episode: Episode, noise) -> Tensor:
            state = self.adapt_state(episode.support, n_way=episode.n_way, norm=norm, noise=noise, **options)
            return self.logits(state, episode.query.x)

        return map_tasks(predict, episodes, noise, batching=self.batching)

    def calibrate(self, episodes: Episode) -> None:
        """Measure on training episodes what the test needs and no gradient learns; nothing for most learners."""

    def start_from(self, other: "Learner") -> None:
        """Take over the net of another learner."""
        self.net.load_state_dict(other.net.state_dict())

    # Checks ----------------------------------------------------------------------------------

    def _known_norm(self, norm: str) -> str:
        if norm not in self.norms:
            raise ValueError(f"norm={norm!r}: {type(self).__name__} knows {', '.join(map(repr, self.norms))}")
        return norm

    def _check_ways(self, n_way: int) -> None:
        if n_way != self.n_way:
            raise ValueError(f"the task has {n_way} classes, but this {type(self).__name__} was made for {self.n_way}")

    def _check(self, support: LabelledSet, task_axis: bool) -> None:
        wanted = "(T, M, C, H, W), with a task axis" if task_axis else "(M, C, H, W), without a task axis"
        if support.x.ndim != 4 + task_axis:
            raise ValueError(f"support.x has shape {tuple(support.x.shape)}; {type(self).__name__} wants {wanted}")
        if support.x.shape[: 1 + task_axis] != support.y.shape:
            raise ValueError(f"support.x {tuple(support.x.shape)} and support.y {tuple(support.y.shape)} do not match")
