"""Exercises of lesson 02, the MAML objective."""

import torch
from torch import Tensor
from torch.func import grad, vjp

from metalearn_course.lessons.checks import Exercise


def meta_optimum(curvatures: Tensor, optima: Tensor, alpha: float) -> Tensor:
    """The start with the smallest mean loss after one step, for tasks ½ a_i (θ − c_i)²; both arguments (tasks,)."""
    weights = curvatures * (1 - alpha * curvatures) ** 2
    return (weights * optima).sum() / weights.sum()


def hessian_vector_product(loss, theta: Tensor, v: Tensor) -> Tensor:
    """H v (P,), with H the Hessian of loss at theta (P,), without building H."""
    return vjp(grad(loss), theta)[1](v)[0]


def meta_gradient(support_loss, query_loss, theta: Tensor, alpha: float, steps: int) -> Tensor:
    """Gradient (P,) of query_loss(phi) with respect to theta, phi being `steps` steps on support_loss away."""
    visited = [theta]
    for _ in range(steps):
        visited.append(visited[-1] - alpha * grad(support_loss)(visited[-1]))
    v = grad(query_loss)(visited.pop())
    for phi in reversed(visited):
        v = v - alpha * hessian_vector_product(support_loss, phi, v)
    return v


def _meta_optimum_cases() -> list[tuple]:
    return [
        (torch.tensor([1.0, 3.0]), torch.tensor([0.0, 4.0]), 0.25),
        (torch.tensor([1.0, 3.0]), torch.tensor([0.0, 4.0]), 0.0),
        (torch.tensor([0.5, 1.0, 2.0]), torch.tensor([-1.0, 2.0, 5.0]), 0.3),
    ]


def quartic(seed: int):
    """A smooth loss whose Hessian is neither constant nor diagonal."""
    mix = torch.randn(6, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def loss(theta):
        y = mix @ theta
        return (y**4).sum() / 24 + (y[:3] * y[3:]).sum()

    return loss


def _point(seed: int) -> Tensor:
    return 0.5 * torch.randn(6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _product_cases() -> list[tuple]:
    return [(quartic(i), _point(i + 10), _point(i + 20)) for i in range(3)]


def _gradient_cases() -> list[tuple]:
    return [(quartic(i), quartic(i + 5), _point(i + 10), 0.05, steps) for i, steps in enumerate((1, 2, 3))]


EXERCISES = [
    Exercise(
        meta_optimum,
        _meta_optimum_cases,
        "after one step task i costs ½ a_i (1 − αa_i)² (θ − c_i)²; set the derivative of the sum to zero.",
    ),
    Exercise(
        hessian_vector_product,
        _product_cases,
        "differentiate the number ∇L(θ)·v, with v held constant; or take the derivative of grad(loss) along v.",
    ),
    Exercise(
        meta_gradient,
        _gradient_cases,
        "keep every θ on the way; start from the query gradient at the last one and walk back, v ← v − αH(φ_k)v.",
    ),
]
