"""Reptile (Nichol, Achiam & Schulman 2018, arXiv 1803.02999)."""

from collections.abc import Iterator
from functools import partial
from operator import itemgetter
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import grad
from torch.utils._pytree import tree_leaves, tree_map

from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.functional import sgd_step
from metalearn_course.learners.base import map_tasks
from metalearn_course.learners.maml import MAML

BETA2 = 0.999
LARGEST = 1024  # random keys of a task, and so support pictures that it can put in order


class Reptile(MAML):
    """Moves theta towards the weights phi that training on a task ends with. It has no outer loss.

    `accumulate_gradient` adds theta - phi, the mean over the step's tasks. An outer SGD with rate
    epsilon then makes the paper's step theta + epsilon (phi - theta), and `training.fit(...,
    optimizer=torch.optim.SGD, lr=1.0, decay=1.0)` lets epsilon fall linearly from 1 to 0. n_tasks=1 is
    the serial form (algorithm 1), more tasks per step the batched form (algorithm 2).

    The inner loop trains on minibatches of `inner_batch` support pictures: it goes through the set in
    random order, again and again. The order is the task's noise: 1,024 random numbers, so that a set of 50
    pictures is put in 20 orders before the first one comes again. inner_optimizer "adam" is Adam with
    beta1 = 0. Its second moments start afresh in every task; the authors' code carries them from task
    to task, but then a task would depend on those before it, and ranks and resumed runs would differ.
    At test the same loop takes `test_steps` steps on the test task's support set.

    inner_batch: support pictures per inner step.
    inner_optimizer: "adam", with beta1 = 0, or "sgd".
    test_steps: inner steps at test time.

    >>> from metalearn_course.nets import Conv4
    >>> support = LabelledSet(torch.rand(10, 1, 28, 28), torch.arange(5).repeat(2))  # two of each of five classes
    >>> queries = torch.rand(7, 1, 28, 28)
    >>> learner = Reptile(Conv4(hidden=8), n_way=5, test_steps=3)
    >>> learner.adapt(support)(queries).shape
    torch.Size([7, 5])
    """

    usual_noise: Tensor

    train_defaults = dict(k_shot=10, test_shot=1, n_query=1, n_tasks=5, optimizer="sgd", lr=1.0, decay=1.0)

    def __init__(
        self,
        net: nn.Module,
        n_way: int,
        inner_lr: float = 1e-3,
        inner_steps: int = 5,
        inner_batch: int = 10,
        inner_optimizer: Literal["adam", "sgd"] = "adam",
        test_steps: int = 50,
        norm: str = "query",
    ):
        super().__init__(net, n_way, inner_lr, inner_steps, test_steps, norm=norm)
        if inner_optimizer not in ("adam", "sgd"):
            raise ValueError(f"inner_optimizer={inner_optimizer!r}: choose 'adam' or 'sgd'")
        if inner_batch < 1:
            raise ValueError(f"inner_batch={inner_batch}: a minibatch has at least one picture")
        self.inner_batch, self.inner_optimizer = inner_batch, inner_optimizer
        usual = self.draw_noise(torch.Generator().manual_seed(0))  # for readers who adapt without noise
        self.register_buffer("usual_noise", usual, persistent=False)

    def draw_noise(self, generator: torch.Generator) -> Tensor:
        """Random keys, whose order is that of the support pictures; each time through the set takes further ones."""
        return torch.rand(LARGEST, generator=generator)

    def minibatches(self, n_pictures: int, steps: int, noise=()) -> Tensor:
        """Indices of the pictures of every step, (steps, inner_batch) or (steps, n_pictures) if there are fewer."""
        if n_pictures > LARGEST:
            raise ValueError(f"the support set has {n_pictures} pictures, but Reptile can shuffle {LARGEST} at most")
        keys, size = noise if isinstance(noise, Tensor) else self.usual_noise, min(self.inner_batch, n_pictures)
        passes = min(LARGEST // n_pictures, -(-steps * size // n_pictures))
        order = keys[: passes * n_pictures].view(passes, n_pictures).argsort(-1).flatten()
        order = order.repeat(-(-steps * size // max(len(order), 1)))  # after the last key the first order comes again
        return order[: steps * size].view(steps, size)

    def trajectory(self, support: LabelledSet, steps: int, n_way=None, inner_lr=None, noise=()) -> Iterator[dict]:
        """theta, then phi after every one of `steps` steps, each on the next minibatch."""

        def loss(phi, batch):
            return F.cross_entropy(self._scores(phi, support.x[batch]), support.y[batch])

        phi = self._start(support, self.n_way)
        squares = tree_map(torch.zeros_like, phi)
        yield phi
        for step, batch in enumerate(self.minibatches(len(support.y), steps, noise)):
            direction = grad(loss)(phi, batch)
            if self.inner_optimizer == "adam":
                squares = tree_map(lambda v, g: BETA2 * v + (1 - BETA2) * g * g, squares, direction)
                direction = tree_map(partial(_adam_direction, 1 - BETA2 ** (step + 1)), squares, direction)
            phi = sgd_step(phi, direction, self.config["inner_lr"] if inner_lr is None else inner_lr)
            yield phi

    @torch.no_grad()
    def accumulate_gradient(self, episodes: Episode, noise=(), chunk_size: int | None = None) -> Tensor:
        """Add the mean over tasks of theta - phi to `.grad`; returns the query losses at phi, (T,)."""
        episodes = self.taken(episodes)
        theta = self._start(episodes.support, self.n_way)

        def way_back(episode: Episode, noise) -> tuple:
            state = self.adapt_state(episode.support, norm=self.norm, noise=noise)
            loss = F.cross_entropy(self.logits(state, episode.query.x), episode.query.y)
            return tree_map(torch.sub, theta, state.phi), loss

        losses = []
        for chunk in self.chunks(episodes, chunk_size):
            part = tree_map(itemgetter(chunk), (episodes, noise))
            ways, loss = map_tasks(way_back, *part, batching=self.batching)
            for p, way in zip(tree_leaves(theta), tree_leaves(ways)):
                way = way.sum(0) / episodes.n_tasks
                p.grad = way if p.grad is None else p.grad + way
            losses.append(loss)
        return torch.cat(losses)


def _adam_direction(share: float, square: Tensor, gradient: Tensor) -> Tensor:
    """g / sqrt(v), with v freed from its start at zero: it is `share` of a mean of squares."""
    return gradient / ((square / share).sqrt() + 1e-8)
