"""Prototypical Networks (Snell, Swersky & Zemel 2017, arXiv 1703.05175)."""

from typing import Literal, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.functional import cosine, prototype_head, prototypes
from metalearn_course.learners.embedding import EmbeddingLearner, log_scale


class ProtoNetState(NamedTuple):
    """One mean per class, and the statistics to normalise queries with (none: their own)."""

    prototypes: Tensor  # (n_way, D)
    stats: tuple = ()


class ProtoNet(EmbeddingLearner):
    """Classifies a query by its distance to the mean feature of every class (equations 1 and 2).

    distance: "euclidean" scores by -|f - p_c|^2, the squared distance, less the |f|^2 that all
        classes share (the softmax does not see it): the linear layer w_c = 2 p_c, b_c = -|p_c|^2.
        "cosine" scores by scale * cos(f, p_c).
    scale: first value of the learned factor on the cosines.
    n_way is the number of classes in training; at test there may be any number, and of pictures
    too, another for every class. The paper trains with more classes than it tests with.

    >>> from metalearn_course.episode import LabelledSet
    >>> from metalearn_course.nets import Conv4
    >>> support = LabelledSet(torch.rand(10, 1, 28, 28), torch.arange(5).repeat(2))  # two of each of five classes
    >>> queries = torch.rand(7, 1, 28, 28)
    >>> learner = ProtoNet(Conv4(hidden=8), n_way=20)
    >>> learner.adapt(support, norm="support")(queries).shape
    torch.Size([7, 5])
    """

    train_defaults = dict(n_way=30, n_tasks=1, decay=0.7)

    def __init__(
        self,
        net: nn.Module,
        n_way: int,
        distance: Literal["euclidean", "cosine"] = "euclidean",
        scale: float = 10.0,
        norm: str = "running",
    ):
        super().__init__(net, n_way, norm)
        if distance not in ("euclidean", "cosine"):
            raise ValueError(f"distance={distance!r}: choose 'euclidean' or 'cosine'")
        self.log_scale = log_scale(scale) if distance == "cosine" else None

    def remember(self, features: Tensor, y: Tensor, n_way: int) -> ProtoNetState:
        """The prototypes of features (M, D) with labels y (M,)."""
        return ProtoNetState(prototypes(features, y, n_way))

    def scores(self, state: ProtoNetState, features: Tensor) -> Tensor:
        """(Q, n_way) scores of features (Q, D)."""
        if self.log_scale is None:
            return F.linear(features, *prototype_head(state.prototypes))
        return self.log_scale.exp() * cosine(features, state.prototypes)
