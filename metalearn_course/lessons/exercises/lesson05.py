"""Exercises of lesson 05, Reptile and first-order methods."""

import torch
from torch import Tensor
from torch.func import grad
from torch.utils._pytree import tree_map

from metalearn_course.lessons.checks import Exercise
from metalearn_course.lessons.exercises.lesson02 import quartic


def reptile_end(curvatures: Tensor, optima: Tensor, alpha: float, steps: int) -> Tensor:
    """Where Reptile with `steps` inner steps stands still, for tasks ½ a_i (θ − c_i)²; both arguments (tasks,)."""
    weights = 1 - (1 - alpha * curvatures) ** steps
    return (weights * optima).sum() / weights.sum()


def two_directions(support_loss, query_loss, theta: Tensor, alpha: float, steps: int) -> tuple[Tensor, Tensor]:
    """What Reptile and FOMAML subtract from theta (P,), before the outer rate, from one path of inner steps."""
    phi = theta
    for _ in range(steps):
        phi = phi - alpha * grad(support_loss)(phi)
    return theta - phi, grad(query_loss)(phi)


def adapt_some(loss, theta: dict[str, Tensor], moving: set[str], alpha: float, steps: int) -> dict[str, Tensor]:
    """phi after `steps` gradient steps that change only the tensors named in `moving`, as ANIL does with a head.

    loss takes a dictionary like theta. Gradients pass to all of theta, second derivatives included.
    """
    phi = dict(theta)
    for _ in range(steps):
        g = grad(loss)(phi)
        phi = {name: p - alpha * g[name] if name in moving else p for name, p in phi.items()}
    return phi


def _end_cases() -> list[tuple]:
    toy = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 4.0])
    three = torch.tensor([0.5, 1.0, 2.0]), torch.tensor([-1.0, 2.0, 5.0])
    return [(*toy, 0.25, 1), (*toy, 0.25, 5), (*three, 0.3, 2), (*three, 0.3, 50)]


def _direction_cases() -> list[tuple]:
    point = 0.5 * torch.randn(6, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    return [(quartic(i), quartic(i + 5), point, 0.05, steps) for i, steps in enumerate((1, 3, 10))]


def _some_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(8)
    theta = {"body": torch.randn(4, 3, generator=g), "head": torch.randn(3, generator=g)}
    x, y = torch.randn(5, 4, generator=g), torch.randn(5, generator=g)

    def loss(phi):
        return (torch.tanh(x @ phi["body"]) @ phi["head"] - y).square().mean()

    return [(loss, theta, {"head"}, 0.1, 1), (loss, theta, {"head"}, 0.1, 4), (loss, theta, {"head", "body"}, 0.1, 2)]


def _with_gradient(function):
    """phi, and what the loss at phi passes back to every tensor of theta."""

    def observed(loss, theta, *rest):
        theta = {name: p.clone().requires_grad_() for name, p in theta.items()}
        phi = function(loss, theta, *rest)
        if phi is None:
            return None
        return tree_map(torch.Tensor.detach, phi), torch.autograd.grad(loss(phi), list(theta.values()))

    return observed


EXERCISES = [
    Exercise(
        reptile_end,
        _end_cases,
        "k steps shrink θ − c_i by (1 − αa_i)^k, so θ − φ_i is a share of θ − c_i; where do the shares balance?",
    ),
    Exercise(
        two_directions,
        _direction_cases,
        "walk first, then look back: one answer is a difference of weights, the other a gradient at the end.",
    ),
    Exercise(
        adapt_some,
        _some_cases,
        "take the gradient of the whole dictionary, change the tensors named in `moving`, detach nothing.",
        _with_gradient,
    ),
]
