"""Matching Networks (Vinyals et al. 2016, arXiv 1606.04080), with and without full context embeddings."""

import math
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.functional import cosine, lstm_step
from metalearn_course.learners.embedding import EmbeddingLearner, log_scale


class MatchingState(NamedTuple):
    """The support memory, and the statistics to normalise queries with (none: their own)."""

    memory: Tensor  # (M, D), g(x_i)
    labels: Tensor  # (M, n_way), one-hot
    stats: tuple = ()


class MatchingNet(EmbeddingLearner):
    """Attends over the support pictures with softmax(scale * cosine) and adds up their labels (equation 1).

    scale: factor on the cosines; the paper has none, which is scale=1.0 with learn_scale=False: a softmax
        over [-1, 1] can hardly be sure of anything.
    fce: full context embeddings. Each support picture then sees the others, each query the support.
    learn_scale: whether the scale is learned; if not, it stays what it is.
    steps: processing steps K of a query's attention LSTM.
    Any number of classes and pictures will do. With fce the order of the support set matters, since a
    recurrent net reads it; without, it does not.

    >>> from metalearn_course.episode import LabelledSet
    >>> from metalearn_course.nets import Conv4
    >>> support = LabelledSet(torch.rand(10, 1, 28, 28), torch.arange(5).repeat(2))  # two of each of five classes
    >>> queries = torch.rand(7, 1, 28, 28)
    >>> learner = MatchingNet(Conv4(hidden=8), n_way=20)
    >>> learner.adapt(support, norm="support")(queries).shape
    torch.Size([7, 5])
    """

    train_defaults = dict(n_tasks=4, decay=0.7)

    def __init__(
        self,
        net: nn.Module,
        n_way: int,
        fce: bool = False,
        scale: float = 10.0,
        learn_scale: bool = True,
        steps: int = 5,
        norm: str = "running",
    ):
        super().__init__(net, n_way, norm)
        if steps < 1:
            raise ValueError(f"steps={steps}: full context embeddings take at least one step")
        self.log_scale = log_scale(scale, learn_scale)
        self.context = FullContext(self.net.out_features, steps) if fce else None

    def remember(self, features: Tensor, y: Tensor, n_way: int) -> MatchingState:
        """The memory of support pictures with features (M, D) and labels y (M,)."""
        memory = features if self.context is None else self.context.support(features)
        return MatchingState(memory, F.one_hot(y, n_way))

    def log_attention(self, state: MatchingState, features: Tensor) -> Tensor:
        """Logarithm of how much each query attends to each support picture: (Q, D) -> (Q, M)."""
        if self.context is not None:
            features = self.context.queries(features, state.memory)
        return (self.log_scale.exp() * cosine(features, state.memory)).log_softmax(-1)

    def scores(self, state: MatchingState, features: Tensor) -> Tensor:
        """Logarithm of the label distribution, (Q, n_way).

        Cross-entropy takes a log_softmax, and that leaves log-probabilities as they are: no second softmax.
        The sum over the pictures of a class is taken as a logsumexp, so that no probability is rounded to 0.
        """
        others = state.labels.T.unsqueeze(0) == 0  # (1, n_way, M)
        return self.log_attention(state, features).unsqueeze(1).masked_fill(others, -math.inf).logsumexp(-1)


class FullContext(nn.Module):
    """The functions f and g of the paper's appendices A.1 and A.2, over features (M, D)."""

    def __init__(self, size: int, steps: int):
        super().__init__()
        self.steps = steps
        self.forth, self.back = nn.LSTMCell(size, size), nn.LSTMCell(size, size)
        self.attend = nn.LSTMCell(2 * size, size)  # reads a query's feature and what it found in the memory

    def support(self, features: Tensor) -> Tensor:
        """g(x_i) = h forth_i + h back_i + g'(x_i): a bidirectional LSTM over the support set, in its order."""
        back = self._read(self.back, features.flip(0)).flip(0)
        return self._read(self.forth, features) + back + features

    def queries(self, features: Tensor, memory: Tensor) -> Tensor:
        """f(x, S): K steps of an LSTM that reads the memory by content; (Q, D), (M, D) -> (Q, D).

        Its recurrent input [h, r] meets one matrix in the paper. Here r arrives beside the feature, which
        is the same sum. h and the cell start from zero, so the first reading is the memory's mean.
        """
        h = c = torch.zeros_like(features)
        for _ in range(self.steps):
            found = (h @ memory.T).softmax(-1) @ memory
            h, c = lstm_step(self.attend, torch.cat([features, found], -1), h, c)
            h = h + features
        return h

    @staticmethod
    def _read(cell: nn.LSTMCell, sequence: Tensor) -> Tensor:
        h = c = torch.zeros_like(sequence[0])
        outputs = []
        for x in sequence.unbind():
            h, c = lstm_step(cell, x, h, c)
            outputs.append(h)
        return torch.stack(outputs)
