"""Where a matching network looks, one query at a time."""

from dataclasses import dataclass

import torch
from torch import Tensor

from metalearn_course.episode import LabelledSet
from metalearn_course.learners import MatchingNet
from metalearn_course.lessons.explorers.task import TaskExplorer


@dataclass(frozen=True, eq=False)
class Attention:
    """One query, what it attends to, and what follows for its label."""

    support: LabelledSet
    picture: Tensor  # (C, H, W), the query
    label: int  # the right answer
    scale: float
    weights: Tensor  # (M,) over the support pictures, adding up to one
    shares: Tensor  # (N,) over the labels, adding up to one

    @property
    def answer(self) -> int:
        """The label with the largest share."""
        return int(self.shares.argmax())

    @property
    def summary(self) -> str:
        """The picture in words."""
        most = int(self.weights.argmax())
        k_shot = len(self.weights) // len(self.shares)
        order = self.shares.argsort(descending=True).tolist()
        shares = ", ".join(f"label {c} {100 * self.shares[c]:.0f} %" for c in order)
        verdict = "right" if self.answer == self.label else f"wrong, it is {self.label}"
        return (
            f"Scale {self.scale:.1f}, {k_shot} shot{'s' * (k_shot != 1)}. The answer is {self.answer}: {verdict}. "
            f"The most attention, {100 * self.weights[most]:.0f} %, goes to a picture of label "
            f"{int(self.support.y[most])}. Shares: {shares}."
        )


class AttentionExplorer(TaskExplorer):
    """Attention of a matching network on a fixed task, with any query, scale and number of shots."""

    learner: MatchingNet

    @property
    def n_queries(self) -> int:
        """How many queries the task has; they are numbered in rounds, one of every class."""
        return self.sampler.n_way * self.sampler.n_query

    @torch.no_grad()
    def look(self, query: int, k_shot: int = 1, scale: float | None = None) -> Attention:
        """Attention of one query; scale=None takes the learner's own, 0 looks everywhere alike."""
        if not 0 <= query < self.n_queries:
            raise ValueError(f"query={query}: the queries of this task are 0 to {self.n_queries - 1}")
        if scale is not None and scale < 0:
            raise ValueError(f"scale={scale}: a negative scale would prefer what looks least alike; take 0 or more")
        learner, support, asked = self.learner, self.shots(k_shot), self.task.query
        state = learner.adapt(support, norm=learner.norm).state
        logs = learner.log_attention(state, learner.net(asked.x, state.stats or None))  # (Q, M)
        number, label = divmod(query, self.sampler.n_way)
        row = label * self.sampler.n_query + number
        own = learner.log_scale.exp().item()
        scale = own if scale is None else float(scale)
        # The logs are own * cosine up to a constant, which a softmax does not see: no cosine is taken again.
        weights = (logs[row] * (scale / own)).softmax(-1)
        shares = weights @ state.labels.to(weights.dtype)
        return Attention(support, asked.x[row], int(asked.y[row]), scale, weights, shares)
