"""Amortised Bayesian meta-learning (Ravi & Beatson 2019, ICLR)."""

import itertools
import math
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from metalearn_course.episode import Episode, LabelledSet
from metalearn_course.learners import bayes
from metalearn_course.learners.base import Learner
from metalearn_course.learners.maml import MAML

GAMMA = 0.01  # b of the hyper-prior Gamma(1, b) on every 1/variance
UNIT = 10.0  # log variances are kept in tenths: Adam moves every number by its rate, and variances span orders


class ABMLState(NamedTuple):
    """The posterior of a task, weights drawn from it, and what normalises queries under each draw."""

    phi: dict[str, dict[str, Tensor]]  # means in "net" and "head", logarithms of variances in "log_var"
    draws: tuple[dict, ...]  # test_samples times {"net": …, "head": …}
    stats: tuple  # of the support set, one per draw; () where queries normalise themselves


class ABML(MAML):
    """MAML whose start is a distribution over weights, and whose answer to a task is one too.

    theta = (mu, log_var) are the means and variances of independent Gaussians over the weights of the
    convolutions and the head. It is the prior p of every task and the start of its posterior q.
    Gradient steps on the support set lower the mean of -log p(y | x, w) under q, plus inner_kl / M *
    KL(q || p) for M pictures. The outer loss is the same objective for support and query together,
    with kl_weight. kl_weight = inner_kl = 1 is the bound itself; less weight on the KL (a cold
    posterior) is what trains. The hyper-prior p(mu) = N(0, 1), p(1/variance) = Gamma(1, 0.01) adds
    kl_weight * prior_weight * -log p(theta): the same cold, and as it belongs to all tasks together, its
    share in the loss of one picture is 1 over the number of pictures that training sees. The scales and
    shifts of the normalisation have no distribution; they adapt as in MAML.

    A forward pass in training draws by Flipout in the convolutions and by local reparameterisation in
    the head. A prediction averages the probabilities of `test_samples` draws of the weights, from
    the same standard normal numbers in every task, so that the same support set gives the same answer.
    norm: "query" normalises training's support and queries as one batch; "support" by the support set.
    inner_kl: weight of the KL in the inner loss.
    kl_weight: weight of the KL in the outer loss.
    prior_weight: weight of the hyper-prior, times kl_weight.
    init_log_var: logarithm of the first variances.
    test_samples: draws of the weights in a prediction.
    net: a Conv4 or a class derived from it; TypeError for others.
    """

    adapts = ("net", "head", "log_var")
    head: nn.Linear
    usual_draws: Tensor

    def __init__(
        self,
        net: nn.Module,
        n_way: int,
        inner_lr: float = 0.4,
        inner_steps: int = 1,
        test_steps: int | None = None,
        lr_per_parameter: bool = False,
        inner_kl: float = 1e-5,
        kl_weight: float = 1e-5,
        prior_weight: float = 1e-6,
        init_log_var: float = -7.0,
        test_samples: int = 10,
        norm: str = "query",
    ):
        bayes.check(net)
        super().__init__(net, n_way, inner_lr, inner_steps, test_steps, lr_per_parameter=lr_per_parameter, norm=norm)
        if test_samples < 1:
            raise ValueError(f"test_samples={test_samples}: a prediction needs at least one draw")
        weights = dict(inner_kl=inner_kl, kl_weight=kl_weight, prior_weight=prior_weight)
        if min(weights.values()) < 0:
            raise ValueError(f"{weights}: a weight in the loss cannot be negative")
        means = bayes.means(super()._start((), n_way))
        self.log_var_tenths = nn.ParameterList(torch.full_like(mean, init_log_var / UNIT) for mean in means)
        g = torch.Generator().manual_seed(0)
        n_weights = sum(map(Tensor.numel, means))
        self.register_buffer("usual_draws", torch.randn(test_samples, n_weights, generator=g), False)
        for name, tensor in self.draw_noise(g).items():
            self.register_buffer(f"usual_{name}", tensor, False)

    def draw_noise(self, generator: torch.Generator) -> dict[str, Tensor]:
        """What Flipout and the head need in the forward pass of each inner step, and of the outer loss: the last."""
        passes = max(self.inner_steps, self.test_options["steps"]) + 1
        return bayes.draw_noise(self.net, self.n_way, passes, generator)

    def _names(self) -> list[str]:
        names = super()._names()
        return names + [f"log_var.{name}" for name in names if bayes.has_variance(name)]

    def _start(self, support, n_way: int) -> dict:
        """theta: means and logarithms of variances."""
        names = filter(bayes.has_variance, super()._names())
        return super()._start(support, n_way) | {"log_var": dict(zip(names, [UNIT * t for t in self.log_var_tenths]))}

    def start_from(self, other: Learner) -> None:
        """Take over the net of another learner; of a MAML with the same head, its head and inner rates as well."""
        super().start_from(other)
        if type(other) is MAML and other.head is not None and other.n_way == self.n_way:
            self.head.load_state_dict(other.head.state_dict())
            if self.config["lr_per_parameter"] and other.config["lr_per_parameter"]:
                self.inner_lr.data[:, : other.inner_lr.shape[1]] = other.inner_lr.data[0]

    def theta(self) -> dict:
        """The prior of every task, and the start of its posterior."""
        return self._start((), self.n_way)

    def _sampled(self, phi: dict, x: Tensor, noise, step: int, n_stats: int | None = None) -> Tensor:
        """Scores with the noise of a step, -1 the outer loss's; the usual one where none was handed in."""
        noise = noise or {name: getattr(self, f"usual_{name}") for name in ("weights", "signs", "scores")}
        noise = {name: tensor[step] for name, tensor in noise.items()}
        return bayes.sampled_scores(self.net, phi, x, noise, n_stats)

    def trajectory(self, support: LabelledSet, steps: int, n_way=None, inner_lr=None, noise=()) -> Iterator[dict]:
        """theta, then the posterior after every one of `steps` gradient steps on the support set.

        Steps beyond those of training and test start again with the noise of the first.
        """
        theta, passes = self.theta(), itertools.cycle(range(max(self.inner_steps, self.test_options["steps"], 1)))

        def loss(phi):
            scores = self._sampled(phi, support.x, noise, next(passes))
            kl = bayes.kl(phi, theta)
            return F.cross_entropy(scores, support.y) + self.config["inner_kl"] / len(support.y) * kl

        yield from self._descend(theta, loss, steps, inner_lr)

    def task_loss(self, episode: Episode, noise=()) -> Tensor:
        """The variational objective of support and query after adapting to the support, without the hyper-prior."""
        *_, phi = self.trajectory(episode.support, self.inner_steps, noise=noise)
        x, y = (torch.cat(parts) for parts in zip(episode.support, episode.query))
        n_stats = len(episode.support.y) if self.norm == "support" else None
        scores = self._sampled(phi, x, noise, -1, n_stats)
        return F.cross_entropy(scores, y) + self.config["kl_weight"] / len(y) * bayes.kl(phi, self.theta())

    def accumulate_gradient(self, episodes: Episode, noise=(), chunk_size: int | None = None) -> Tensor:
        """Add the gradient of the mean loss and of the hyper-prior; returns the losses (T,), which are the tasks'."""
        self.hyper_prior().backward()
        return super().accumulate_gradient(episodes, noise, chunk_size)

    def hyper_prior(self) -> Tensor:
        """Its weight times -log p(theta) up to a constant: N(0, 1) on the means, Gamma(1, 0.01) on 1/variance."""
        theta = self.theta()
        normal = sum(mean.pow(2).sum() / 2 for mean in bayes.means(theta))
        gamma = GAMMA * sum((-log_var).exp().sum() for log_var in theta["log_var"].values())
        return self.config["kl_weight"] * self.config["prior_weight"] * (normal + gamma)

    def adapt_state(
        self,
        support: LabelledSet,
        *,
        n_way=None,
        norm=None,
        noise=(),
        steps: int | None = None,
        inner_lr=None,
        samples: int | None = None,
    ) -> ABMLState:
        """The posterior after `steps` steps, and the first `samples` weights drawn from it; for 0, its mean alone."""
        *_, phi = self.trajectory(support, self.inner_steps if steps is None else steps, n_way, inner_lr, noise)
        epsilons = self.usual_draws[:samples] if samples != 0 else torch.zeros_like(self.usual_draws[:1])
        draws = tuple(bayes.drawn(phi, epsilon) for epsilon in epsilons)
        if (norm or self.norm) == "query":
            return ABMLState(phi, draws, ())
        return ABMLState(phi, draws, tuple(self.statistics(drawn, support.x) for drawn in draws))

    def logits(self, state: ABMLState, x: Tensor) -> Tensor:
        """(Q, n_way) logarithms of the posterior predictive: of the mean over draws of the probabilities."""
        return self.draw_logits(state, x).logsumexp(0) - math.log(len(state.draws))

    def draw_logits(self, state: ABMLState, x: Tensor) -> Tensor:
        """(S, Q, n_way) log-probabilities under each of the S draws."""
        stats = state.stats or [None] * len(state.draws)
        scores = [self._scores(drawn, x, known) for drawn, known in zip(state.draws, stats)]
        return torch.stack(scores).log_softmax(-1)
