"""The baseline without meta-learning: a classifier's features, and a new head for every task.

Chen et al. 2019 (arXiv 1904.04232): "Baseline" with head="linear", "Baseline++" with head="cosine".
"""

from collections.abc import Callable
from typing import Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad

from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.functional import cosine, prototypes, sgd_step
from metalearn_course.learners.embedding import EmbeddingLearner, log_scale


class PretrainedState(NamedTuple):
    """A head, the statistics to normalise queries with (none: their own), and the net, where the task moved it."""

    weight: Tensor  # (n_way, D)
    bias: Tensor  # (n_way,); a cosine head leaves it at 0
    stats: tuple = ()
    net: dict[str, Tensor] = {}  # weights by name; empty: the learner's own


class Pretrained(EmbeddingLearner):
    """Trains one classifier over all n_classes training classes; at test it fits a head on frozen features.

    Training has no tasks: an episode is a batch of pictures, support and query alike, and
    `Episode.classes` says which training class each is of. So n_way is the classes in a batch.
    head: "linear", or "cosine", which scores by scale * cos(f, w_c) with a learned scale.
    scale: first value of the learned factor on the cosines.
    head_steps: gradient steps that fit a head at test time.
    head_lr: their rate.
    weight_decay: on the head at test time.
    tune_steps: gradient steps that then move the net and the head.
    tune_lr: their rate.

    At test `head_steps` steps of full-batch gradient descent with rate head_lr fit a head to the
    support set, which is the same for every run. Features are first divided by their root mean square
    length (the cosine does that by itself), and the cosine's rate by scale^2; so head_lr = 1 is stable
    whatever the features are. The linear head starts from 0, with weight decay on its convex loss, the
    cosine head from the class means, so that with no step at all it is a ProtoNet's.
    Then tune_steps steps of rate tune_lr move the net and the head together, as MAML's inner loop does;
    with 0 of them the net stays frozen.

    >>> from metalearn_course.nets import Conv4
    >>> support = LabelledSet(torch.rand(10, 1, 28, 28), torch.arange(5).repeat(2))  # two of each of five classes
    >>> queries = torch.rand(7, 1, 28, 28)
    >>> learner = Pretrained(Conv4(hidden=8), n_way=5, n_classes=64, head_steps=3)
    >>> learner.adapt(support, norm="support")(queries).shape
    torch.Size([7, 5])
    """

    train_defaults = dict(n_way=64, n_query=1, n_tasks=1, decay=0.7)  # more classes than the test has, in one task

    def __init__(
        self,
        net: nn.Module,
        n_way: int,
        n_classes: int,
        head: Literal["linear", "cosine"] = "cosine",
        scale: float = 10.0,
        head_steps: int = 100,
        head_lr: float = 1.0,
        weight_decay: float = 1e-3,
        tune_steps: int = 0,
        tune_lr: float = 0.01,
        norm: str = "running",
    ):
        super().__init__(net, n_way, norm)
        if head not in ("linear", "cosine"):
            raise ValueError(f"head={head!r}: choose 'linear' or 'cosine'")
        if min(head_steps, tune_steps) < 0:
            raise ValueError(f"head_steps={head_steps}, tune_steps={tune_steps}: steps cannot be negative")
        fitting = dict(head_steps=head_steps, head_lr=head_lr, weight_decay=weight_decay)
        fitting |= dict(tune_steps=tune_steps, tune_lr=tune_lr)
        self.config = dict(n_way=n_way, n_classes=n_classes, head=head, scale=scale, norm=norm) | fitting
        self.training_head = nn.Linear(self.net.out_features, n_classes, bias=head == "linear")
        self.log_scale = log_scale(scale) if head == "cosine" else None
        self.test_options = {"steps": head_steps, "tune_steps": tune_steps}

    def losses(self, episodes: Episode, noise=()) -> Tensor:
        """Mean cross-entropy over the training classes, of all pictures of every episode, (T,)."""
        if self.training_head is None:
            raise ValueError("this Pretrained comes from the ledger, without the head that it was trained with")
        on_cpu = episodes.classes.device.type == "cpu"  # another device would have to be waited for
        if on_cpu and int(episodes.classes.max()) >= self.config["n_classes"]:
            raise ValueError(f"the episodes have more classes than n_classes={self.config['n_classes']}")
        return super().losses(episodes, noise)

    def task_loss(self, episode: Episode, noise=()) -> Tensor:
        """Cross-entropy of the pictures of one episode, normalised as one batch."""
        pictures, labels = (torch.cat(parts) for parts in zip(episode.support, episode.query))
        head = cast(nn.Linear, self.training_head)  # `losses` has seen that it is there
        state = PretrainedState(head.weight, head.bias)
        return F.cross_entropy(self.scores(state, self.net(pictures)), episode.classes[labels])

    def adapt_state(
        self, support: LabelledSet, *, n_way=None, norm=None, noise=(), more=None, steps=None, tune_steps=0
    ) -> PretrainedState:
        """The head fitted to the support set, and the net where tune_steps moved it.

        more: further pictures, a LabelledSet, and how much each counts where a support picture counts 1, (M,).
        They are normalised like the queries, except that norm="query" takes the support's statistics.
        """
        norm, y, weights = norm or self.norm, support.y, None
        running = self.running_stats() if norm == "running" else None
        if more is not None:
            y, weights = torch.cat([y, more[0].y]), torch.cat([more[1].new_ones(len(y)), more[1]])

        def embed(net: dict):
            features, stats = self._embed(net, support.x, running)
            if more is None:
                return features, stats
            return torch.cat([features, self._embed(net, more[0].x, stats)[0]]), stats

        features, stats = embed({})
        state = self.remember(features, y, n_way or self.n_way, steps, weights)
        if tune_steps:
            state = self._tune(state, embed, y, weights, tune_steps)
            stats = embed(state.net)[1]
        return state._replace(stats=() if norm == "query" else stats)

    def logits(self, state: PretrainedState, x: Tensor) -> Tensor:
        """(Q, n_way) scores of the pictures x (Q, C, H, W)."""
        return self.scores(state, functional_call(self.net, state.net, (x, state.stats or None)))

    def remember(self, features: Tensor, y: Tensor, n_way: int, steps: int | None = None, weights=None):
        """The head, a PretrainedState, that gradient descent finds for features (M, D) with labels y (M,).

        weights (M,): how much each picture counts; all the same by default.
        """
        steps = self.config["head_steps"] if steps is None else steps
        rate = self.config["head_lr"]
        if self.log_scale is None:
            length = features.pow(2).sum(-1).mean().sqrt()
            head = PretrainedState(features.new_zeros(n_way, features.shape[1]), features.new_zeros(n_way))
        else:
            length, rate = 1.0, rate / self.log_scale.exp().pow(2)
            head = PretrainedState(prototypes(F.normalize(features), y, n_way, weights), features.new_zeros(n_way))
        for _ in range(steps):
            head = sgd_step(head, grad(self._loss)(head, features / length, y, weights), rate)
        return head._replace(weight=head.weight / length)

    def _tune(self, state: PretrainedState, embed: Callable, y: Tensor, weights, steps: int) -> PretrainedState:
        """Net and head after gradient steps on the loss of what `embed` makes of all pictures."""
        state = state._replace(net=dict(self.net.named_parameters()))
        for _ in range(steps):
            slope = grad(lambda state: self._loss(state, embed(state.net)[0], y, weights))(state)
            state = sgd_step(state, slope, self.config["tune_lr"])
        return state

    def _loss(self, state: PretrainedState, features: Tensor, y: Tensor, weights) -> Tensor:
        """Cross-entropy of a head on the pictures it is fitted to, their mean by weights, with weight decay."""
        decay = self.config["weight_decay"] / 2 * state.weight.pow(2).sum()
        scores = self.scores(state, features)
        if weights is None:
            return F.cross_entropy(scores, y) + decay
        return F.cross_entropy(scores, y, reduction="none") @ (weights / weights.sum()) + decay

    def _embed(self, net: dict, x: Tensor, stats):
        """Features of x (M, C, H, W) under a net, and the statistics, given or its own, that normalised them."""
        if stats is None:
            return functional_call(self.net, net, (x,), {"return_stats": True})
        return functional_call(self.net, net, (x, stats)), stats

    def scores(self, state: PretrainedState, features: Tensor) -> Tensor:
        """(Q, N) scores of features (Q, D) under a head for N classes."""
        if self.log_scale is None:
            return F.linear(features, state.weight, state.bias)
        return self.log_scale.exp() * cosine(features, state.weight)

    def load_state_dict(self, state_dict, *args, **kwargs):
        """Also of the ledger, which leaves out the head of the training classes: the learner can then only be used."""
        if not any(name.startswith("training_head.") for name in state_dict):
            self.training_head = None
        return super().load_state_dict(state_dict, *args, **kwargs)
