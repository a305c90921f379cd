"""Almost No Inner Loop (Raghu et al. 2020, arXiv 1909.09157)."""

from collections.abc import Iterator

import torch.nn.functional as F

from metalearn_course.episode import LabelledSet
from metalearn_course.learners.maml import MAML


class ANIL(MAML):
    """MAML whose inner loop adapts the head alone; the features of a task are computed once.

    The options are MAML's. The outer loss still trains all of theta.

    >>> from metalearn_course.nets import Conv4
    >>> support = LabelledSet(torch.rand(10, 1, 28, 28), torch.arange(5).repeat(2))  # two of each of five classes
    >>> queries = torch.rand(7, 1, 28, 28)
    >>> learner = ANIL(Conv4(hidden=8), n_way=5)
    >>> learner.adapt(support, steps=3)(queries).shape
    torch.Size([7, 5])
    """

    adapts = ("head",)

    def trajectory(self, support: LabelledSet, steps: int, n_way=None, inner_lr=None, noise=()) -> Iterator[dict]:
        """theta, then theta with the head after every one of `steps` inner steps."""
        features = self.net(support.x)
        features = features.detach() if self.first_order else features

        def loss(head):
            return F.cross_entropy(F.linear(features, head["weight"], head["bias"]), support.y)

        phi = self._start(support, n_way or self.n_way)
        for head in self._descend(phi["head"], loss, steps, inner_lr):
            yield phi | {"head": head}
