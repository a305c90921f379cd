"""Model-Agnostic Meta-Learning (Finn, Abbeel & Levine 2017, arXiv 1703.03400, algorithm 2)."""

from collections.abc import Callable, Iterator
from typing import Any, Literal, NamedTuple, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call, grad
from torch.utils._pytree import tree_flatten, tree_map, tree_unflatten

from metalearn_course import nets
from metalearn_course.episode import LabelledSet
from metalearn_course.functional import prototype_head, prototypes, sgd_step
from metalearn_course.learners.base import Learner


class MAMLState(NamedTuple):
    """A task's own weights, and the statistics to normalise its queries with (none: their own)."""

    phi: dict[str, dict[str, Tensor]]  # {"net": …, "head": …}, named as in the modules
    stats: tuple


class MAML(Learner):
    """Learns an initialisation theta from which a few gradient steps solve a new task.

    The inner loss is the mean cross-entropy over the support set. Where the papers sum over n_way
    examples and divide by k_shot, their step alpha corresponds to inner_lr = n_way * alpha.

    inner_lr: rate of the inner steps, on the mean support loss.
    inner_steps: gradient steps in training.
    test_steps: gradient steps at test time (default: as in training).
    first_order: FOMAML, without second derivatives: phi = theta - inner_lr * stopgrad(g).
    lr_per_step: learn an inner rate per step (Antoniou et al. 2019). Test steps beyond the last reuse its rate.
    lr_per_parameter: learn an inner rate per tensor (Li et al. 2017, Meta-SGD); with lr_per_step, per tensor and step.
    head: "linear", part of theta; or "prototypes": every task's head starts from its class means,
        w_c = 2 p_c and b_c = -|p_c|^2 (Triantafillou et al. 2020), for any number of classes.
    norm: statistics of the queries' batch normalisation in training, "query" or "support".

    >>> from metalearn_course.nets import Conv4
    >>> support = LabelledSet(torch.rand(10, 1, 28, 28), torch.arange(5).repeat(2))  # two of each of five classes
    >>> queries = torch.rand(7, 1, 28, 28)
    >>> learner = MAML(Conv4(hidden=8), n_way=5, inner_lr=0.1, inner_steps=2)
    >>> learner.adapt(support, steps=3)(queries).shape
    torch.Size([7, 5])
    """

    adapts = ("net", "head")  # the parts of theta that the inner loop changes

    def __init__(
        self,
        net: nn.Module,
        n_way: int,
        inner_lr: float = 0.4,
        inner_steps: int = 1,
        test_steps: int | None = None,
        first_order: bool = False,
        lr_per_step: bool = False,
        lr_per_parameter: bool = False,
        head: Literal["linear", "prototypes"] = "linear",
        norm: str = "query",
    ):
        super().__init__(n_way, norm)
        nets.check(net)
        if inner_steps < 0 or (test_steps or 0) < 0:
            raise ValueError(f"inner_steps={inner_steps}, test_steps={test_steps}: steps cannot be negative")
        if head not in ("linear", "prototypes"):
            raise ValueError(f"head={head!r}: choose 'linear' or 'prototypes'")
        test_steps = inner_steps if test_steps is None else test_steps
        self.config |= {"test_steps": test_steps}
        self.net, self.inner_steps, self.first_order = net, inner_steps, first_order
        self.test_options = {"steps": test_steps}
        self.head = nn.Linear(cast(int, net.out_features), n_way) if head == "linear" else None
        self.rate_names = [name for name in self._names() if name.startswith(self.adapts)]
        shape = (max(inner_steps, 1) if lr_per_step else 1, len(self.rate_names) if lr_per_parameter else 1)
        self.inner_lr = nn.Parameter(torch.full(shape, inner_lr), requires_grad=lr_per_step or lr_per_parameter)

    def adapt_state(
        self, support: LabelledSet, *, n_way=None, norm=None, noise=(), steps: int | None = None, inner_lr=None
    ) -> MAMLState:
        """phi after `steps` gradient steps on the support set; inner_lr overrides the learner's own."""
        steps = self.inner_steps if steps is None else steps
        *_, phi = self.trajectory(support, steps, n_way, inner_lr, noise)
        if (norm or self.norm) == "query":
            return MAMLState(phi, ())
        return MAMLState(phi, self.statistics(phi, support.x))

    def statistics(self, phi: dict, x: Tensor) -> tuple:
        """What to normalise queries with so that they do not see each other: the statistics of x under phi."""
        return functional_call(self.net, phi["net"], (x,), {"return_stats": True})[1]

    def trajectory(self, support: LabelledSet, steps: int, n_way=None, inner_lr=None, noise=()) -> Iterator[dict]:
        """theta, then phi after every one of `steps` inner steps (equation 1 of the paper)."""

        def loss(phi):
            return F.cross_entropy(self._scores(phi, support.x), support.y)

        yield from self._descend(self._start(support, n_way or self.n_way), loss, steps, inner_lr)

    def _descend(self, phi: dict, loss: Callable, steps: int, inner_lr) -> Iterator[dict]:
        """phi, and where gradient steps on the loss lead from it."""
        yield phi
        for step in range(steps):
            at = tree_map(Tensor.detach, phi) if self.first_order else phi
            phi = sgd_step(phi, grad(loss)(at), self._rates(step, phi) if inner_lr is None else inner_lr)
            yield phi

    def logits(self, state: MAMLState, x: Tensor) -> Tensor:
        """(Q, n_way) scores of x under the task's weights."""
        return self._scores(state.phi, x, state.stats or None)

    def _scores(self, phi: dict, x: Tensor, stats=None) -> Tensor:
        features = functional_call(self.net, phi["net"], (x,), {"stats": stats})  # (M, D)
        return F.linear(features, phi["head"]["weight"], phi["head"]["bias"])

    def _start(self, support, n_way: int) -> dict[str, dict[str, Any]]:
        """theta, with the head that the task starts from; only a head of prototypes looks at the support set."""
        if self.head is not None:
            head = dict(self.head.named_parameters())
        else:
            weight, bias = prototype_head(prototypes(self.net(support.x), support.y, n_way))
            head = {"weight": weight, "bias": bias}
        return {"net": dict(self.net.named_parameters()), "head": head}

    def _names(self) -> list[str]:
        """Of the tensors of theta, in the order of its leaves."""
        return [f"net.{name}" for name, _ in self.net.named_parameters()] + ["head.weight", "head.bias"]

    def _rates(self, step: int, phi: dict) -> dict:
        """The inner rate of every tensor of phi in this step."""
        row = self.inner_lr[min(step, len(self.inner_lr) - 1)]  # (1,) or (tensors,)
        leaves, spec = tree_flatten(phi)
        return tree_unflatten(list(row.expand(len(leaves))), spec)

    def _check_ways(self, n_way: int) -> None:
        if self.head is not None and n_way != self.n_way:
            raise ValueError(
                f"the task has {n_way} classes, but this MAML has a linear head for {self.n_way}; sample "
                f'{self.n_way}-way tasks, or build MAML(..., head="prototypes"), which takes any number'
            )
