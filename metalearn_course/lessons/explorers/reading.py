"""What a transformer in context reads, and what it answers, when a reader chooses the support set and its labels."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from metalearn_course.episode import LabelledSet
from metalearn_course.learners import InContext
from metalearn_course.sampling import EpisodeSampler


@dataclass(frozen=True, eq=False)
class Reading:
    """One query, what every head reads, and what follows for its label."""

    support: LabelledSet  # one picture per class, with the labels that were chosen
    picture: Tensor  # (C, H, W), the query
    row: int  # of the support picture of the query's class
    heads: Tensor  # (H, M) attention of the last layer, rows adding up to one
    shares: Tensor  # (N,) probabilities of the labels

    @property
    def wanted(self) -> int:
        """The label that the support set gives to the query's class."""
        return int(self.support.y[self.row])

    @property
    def answer(self) -> int:
        """The label with the largest share."""
        return int(self.shares.argmax())

    @property
    def summary(self) -> str:
        """The picture in words."""
        labels = " ".join(map(str, self.support.y.tolist()))
        shares = ", ".join(f"label {c} {100 * share:.0f} %" for c, share in enumerate(self.shares.tolist()))
        heads = ", ".join(f"{100 * share:.0f} %" for share in self.heads[:, self.row].tolist())
        verdict = "as the context says" if self.answer == self.wanted else f"but the context says {self.wanted}"
        return (
            f"Labels {labels}. The answer is {self.answer}, {verdict}. Shares: {shares}. "
            f"Attention of the heads to the picture of the query's class: {heads}."
        )


class ReadingExplorer:
    """An InContext learner on a task whose support pictures and labels can be chosen.

    The sampler's k_shot is how many support pictures there are to choose from, one per class at a time.
    """

    def __init__(self, learner: InContext, sampler: EpisodeSampler, seed: int = 0):
        self.learner, self.sampler = learner, sampler
        self.draw(seed)

    def draw(self, seed: int) -> None:
        """Another task."""
        self.task = self.sampler.sample_tasks(seed, 0, [0]).task(0)

    @property
    def n_queries(self) -> int:
        """How many queries the task has; they are numbered in rounds, one of every class."""
        return self.sampler.n_way * self.sampler.n_query

    @torch.no_grad()
    def look(self, query: int, labels: Sequence[int] | None = None, shown: int = 0) -> Reading:
        """What becomes of one query, with support picture number `shown` of each class under the given labels.

        labels: one for each class, from 0 to n_way - 1, some perhaps twice; by default each class has its own.
        """
        support, (number, row) = self._support(labels, shown), divmod(self._known_query(query), self.sampler.n_way)
        learner, place = self.learner, row * self.sampler.n_query + number
        state = learner.adapt_state(support, n_way=self.sampler.n_way, norm=learner.inductive_norm)
        x = self.task.query.x
        heads = learner.attention(state, learner.net(x, state.stats or None))[-1, :, place]
        shares = learner.logits(state, x)[place].softmax(-1)
        return Reading(support, x[place], row, heads, shares)

    def _support(self, labels: Sequence[int] | None, shown: int) -> LabelledSet:
        n_way, k_shot = self.sampler.n_way, self.sampler.k_shot
        labels = range(n_way) if labels is None else labels
        if len(labels) != n_way or not all(0 <= label < n_way for label in labels):
            raise ValueError(f"labels={[*labels]}: give each of the {n_way} classes one of 0 to {n_way - 1}")
        if not 0 <= shown < k_shot:
            raise ValueError(f"shown={shown}: there are the pictures 0 to {k_shot - 1} of each class")
        return LabelledSet(self.task.support.x[shown::k_shot], torch.tensor([*labels]))

    def _known_query(self, query: int) -> int:
        if not 0 <= query < self.n_queries:
            raise ValueError(f"query={query}: the queries of this task are 0 to {self.n_queries - 1}")
        return query
