"""What the learners without inner steps share: an embedding, and what normalises it.

Such a learner writes two functions of features, D numbers per picture, instead of pictures:
    remember(features, y, n_way) -> state    a NamedTuple with a field `stats = ()`
    scores(state, features) -> (Q, N)
The noise of one that draws any is a dict: further keywords of `remember`.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course import nets
from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.learners.base import Learner, map_tasks
from metalearn_course.nets import Stats


def log_scale(scale: float, learn: bool = True) -> nn.Parameter:
    """The logarithm of a factor on cosines, so that no gradient step makes the factor negative."""
    if scale <= 0:
        raise ValueError(f"scale={scale}: it must be positive")
    return nn.Parameter(torch.tensor(math.log(scale)), requires_grad=learn)


class EmbeddingLearner(Learner):
    """Base of ProtoNet, MatchingNet, InContext and Pretrained.

    norm says which pictures the statistics of the batch normalisation are taken from:
    "running" (as these papers do): in training from the episode's support and query together; at test
        from training episodes, measured by `calibrate` with the weights as they are. That is what
        running averages stand for, without their lag (Wu & Johnson 2021, arXiv 2105.07576, call it
        precise BN). It needs no state between the steps, so resumed runs and ranks agree.
    "support": from the support set, for support and queries.
    "query": for the support set from the support set, for the queries from the queries (transductive).
    """

    norms = ("query", "support", "running")
    running: Tensor

    def __init__(self, net: nn.Module, n_way: int, norm: str = "running"):
        super().__init__(n_way, norm)
        self.channels = nets.check(net)
        self.net = net
        self.register_buffer("running", torch.full((2, sum(self.channels)), math.nan))  # means, variances

    def remember(self, features: Tensor, y: Tensor, n_way: int) -> Any:
        """The state of a task whose support pictures have the given features (M, D)."""
        raise NotImplementedError

    def scores(self, state: Any, features: Tensor) -> Tensor:
        """(Q, n_way) scores of queries with the given features (Q, D)."""
        raise NotImplementedError

    def adapt_state(self, support: LabelledSet, *, n_way=None, norm=None, noise=(), **options) -> Any:
        """What `remember` makes of the support set, with the statistics for the queries in `stats`."""
        norm = norm or self.norm
        stats = self.running_stats() if norm == "running" else ()
        if norm == "support":
            features, stats = self.net(support.x, return_stats=True)
        else:
            features = self.net(support.x, stats or None)
        state = self.remember(features, support.y, n_way or self.n_way, **dict(noise), **options)
        return state._replace(stats=stats)

    def logits(self, state: Any, x: Tensor) -> Tensor:
        """(Q, n_way) scores of the pictures x (Q, C, H, W)."""
        return self.scores(state, self.net(x, state.stats or None))

    def task_loss(self, episode: Episode, noise=()) -> Tensor:
        """Cross-entropy on the query; with norm="running" all pictures of the task are one batch."""
        if self.norm != "running":
            return super().task_loss(episode, noise)
        support, query = episode.support, episode.query
        features = self.net(torch.cat([support.x, query.x]))
        known, asked = features.split([len(support.y), len(query.y)])
        state = self.remember(known, support.y, episode.n_way, **dict(noise))
        return F.cross_entropy(self.scores(state, asked), query.y)

    def running_stats(self) -> Stats:
        """The statistics that "running" normalises with; ValueError where there are none yet."""
        if self.running.isnan().any():
            raise ValueError(
                f"this {type(self).__name__} has no running statistics yet: train it, call calibrate(episodes), or "
                'choose norm="query" or "support"'
            )
        if not self.channels:  # a net without normalisation
            return ()
        return tuple(zip(*(part.split(self.channels) for part in self.running)))

    @torch.no_grad()
    def calibrate(self, episodes: Episode) -> None:
        """Measure the running statistics: the mean over training episodes of what each is normalised with."""
        if not self.channels:
            return  # a net without normalisation layers has none

        def measure(episode: Episode) -> Tensor:
            _, stats = self.net(torch.cat([episode.support.x, episode.query.x]), return_stats=True)
            return torch.stack([torch.cat(part) for part in zip(*stats)])

        if not self.channels:
            return
        self.running.copy_(map_tasks(measure, episodes, batching="loop").mean(0))  # memory is that of one task

    def _check_ways(self, n_way: int) -> None:
        """Any number of classes will do: nothing is learned per label."""
