"""Exercises of lesson 04, MAML on images."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import grad

from metalearn_course.lessons.checks import Exercise


def rate_on_the_mean(alpha: float, n_way: int, k_shot: int) -> float:
    """The inner_lr, on a mean over the support, that takes the same step as alpha on a sum divided by k_shot."""
    return n_way * alpha


def first_order_loss(theta: Tensor, support_x: Tensor, support_y: Tensor, query_x, query_y, inner_lr: float) -> Tensor:
    """Query loss of a linear classifier (logits x @ theta) after one FOMAML step; theta keeps its gradient."""

    def loss(weights):
        return F.cross_entropy(support_x @ weights, support_y)

    phi = theta - inner_lr * grad(loss)(theta.detach())
    return F.cross_entropy(query_x @ phi, query_y)


def interval(right: Tensor) -> tuple[float, float]:
    """Mean accuracy and half of its 95 % interval, from right answers (episodes, queries) as booleans."""
    per_episode = right.float().mean(1)
    return per_episode.mean().item(), 1.96 * per_episode.std().item() / math.sqrt(len(per_episode))


def receptive_field(layers: list[tuple[int, int]]) -> int:
    """Width in input pixels that one output of a stack of (kernel size, stride) layers depends on."""
    width, jump = 1, 1  # jump: input pixels between neighbouring outputs of the layers so far
    for kernel, stride in layers:
        width += (kernel - 1) * jump
        jump *= stride
    return width


def passes(loss, theta: Tensor, claimed: Tensor) -> bool:
    """Whether `claimed` is the gradient of loss(theta), a scalar, by central differences; theta (D,) in double."""
    step = 1e-5
    sides = [(loss(theta + step * e), loss(theta - step * e)) for e in torch.eye(len(theta), dtype=theta.dtype)]
    measured = torch.stack([(ahead - behind) / (2 * step) for ahead, behind in sides])
    return torch.allclose(measured, claimed, rtol=1e-3, atol=1e-6)


def _with_gradient(function):
    """The loss and what it passes back to theta: first and second order differ in the latter alone."""

    def observed(theta, *rest):
        theta = theta.clone().requires_grad_()
        loss = function(theta, *rest)
        return loss.detach(), torch.autograd.grad(loss, theta)[0]

    return observed


def _linear_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(4)
    y = torch.arange(3)
    return [
        (torch.randn(6, 3, generator=g), torch.randn(3, 6, generator=g), y, torch.randn(3, 6, generator=g), y, rate)
        for rate in (0.1, 1.0)
    ]


def _episode_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(5)
    return [(torch.rand(episodes, 15, generator=g) < 0.8,) for episodes in (30, 100)]


def _claims() -> list[tuple]:
    """A smooth MAML loss over four tasks, and what five implementations take for its gradient."""
    g = torch.Generator().manual_seed(6)
    theta, a, b = (torch.randn(*shape, generator=g, dtype=torch.float64) for shape in ((3,), (4, 3), (4, 3)))

    def after_step(start, first_order=False):
        inner = a * (start * a).cosh()  # the gradient of sinh(a * start), summed
        return start - 0.2 * (inner.detach() if first_order else inner)  # (4, 3), a row a task

    def loss(start, first_order=False):
        return (after_step(start, first_order) - b).pow(2).sum(1).mean()

    right, first = (grad(lambda start, flag=flag: loss(start, flag))(theta) for flag in (False, True))
    return [(loss, theta.clone(), claim) for claim in (right, first, 4 * right, -right, torch.zeros(3).double())]


EXERCISES = [
    Exercise(
        rate_on_the_mean,
        lambda: [(0.4, 5, 1), (0.4, 5, 5), (0.1, 20, 1)],
        "a sum over n_way * k_shot, divided by k_shot",
    ),
    Exercise(
        first_order_loss, _linear_cases, "where is the inner gradient taken, and does it carry a graph?", _with_gradient
    ),
    Exercise(interval, _episode_cases, "average inside an episode first; the spread is that of the episodes"),
    Exercise(
        receptive_field,
        lambda: [([(3, 1)] * 4,), ([(3, 2)] * 4,), ([(3, 1), (2, 2)] * 4,), ([(5, 2), (3, 1), (1, 1)],), ([],)],
        "after a stride, neighbouring outputs lie further apart in the input: by the product of the strides so far",
    ),
    Exercise(
        passes,
        _claims,
        "move theta a little along every coordinate, both ways, and compare the slopes; return True or False",
    ),
]
