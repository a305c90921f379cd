"""Exercises of lesson 03, MAML on sine waves."""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import grad

from metalearn_course.lessons.checks import Exercise


def average_curve(x: Tensor, mean_amplitude: float, highest: float) -> Tensor:
    """E[A sin(x + p)] at x (M,), for A of the given mean and p uniform on [0, highest], independent of A."""
    return mean_amplitude * (x.cos() - (x + highest).cos()) / highest


def adapt_with_rates(net: Callable, theta: dict, rates: dict, x: Tensor, y: Tensor, steps: int) -> dict:
    """phi after `steps` inner steps with a rate for each tensor (Meta-SGD, Li et al. 2017, with fewer rates).

    net(weights, x) -> (M,); theta and rates have the same names; the loss is the mean squared error.
    Gradients pass to theta and to the rates.
    """

    def loss(w):
        return (net(w, x) - y).square().mean()

    phi = theta
    for _ in range(steps):
        g = grad(loss)(phi)
        phi = {name: phi[name] - rates[name] * g[name] for name in phi}
    return phi


def fit_sine(x: Tensor, y: Tensor) -> tuple[float, float]:
    """Amplitude > 0 and phase in [0, pi] of y = A sin(x + p) by least squares, from x and y (K,), K >= 2."""
    columns = torch.stack([x.sin(), x.cos()], dim=1)
    a, b = torch.linalg.lstsq(columns, y.unsqueeze(1)).solution.flatten().tolist()
    return math.hypot(a, b), math.atan2(b, a)


def _with_gradients(function):
    """phi, and what a loss at phi passes back to theta and to the rates."""

    def observed(net, theta, rates, x, y, steps):
        theta, rates = ({n: p.clone().requires_grad_() for n, p in part.items()} for part in (theta, rates))
        phi = function(net, theta, rates, x, y, steps)
        loss = net(phi, x.flip(0)).square().sum()
        back = torch.autograd.grad(loss, [*theta.values(), *rates.values()])
        return {name: p.detach() for name, p in phi.items()}, back

    return observed


def _small_net(w: dict, x: Tensor) -> Tensor:
    return torch.tanh(x[:, None] * w["in"]) @ w["out"]


def _rate_cases() -> list[tuple]:
    g = torch.Generator().manual_seed(3)
    theta = {name: torch.randn(4, generator=g) for name in ("in", "out")}
    x, y = torch.randn(5, generator=g), torch.randn(5, generator=g)
    rates = {"in": torch.tensor(0.2), "out": torch.tensor(0.05)}
    return [(_small_net, theta, rates, x, y, steps) for steps in (1, 3)]


def _curve_cases() -> list[tuple]:
    x = torch.linspace(-5, 5, 11)
    return [(x, 2.55, math.pi), (x, 2.55, 2 * math.pi), (x, 1.0, math.pi / 2)]


def _wave_cases() -> list[tuple]:
    cases = []
    for amplitude, phase, x in ((3.0, 1.0, [-2.0, 0.5]), (0.5, 2.8, [0.0, 1.0, 4.0]), (4.0, 0.3, [-4.0, -1.0, 3.0])):
        x = torch.tensor(x)
        cases.append((x, amplitude * torch.sin(x + phase)))
    return cases


EXERCISES = [
    Exercise(
        average_curve, _curve_cases, "integrate sin(x + p) over p from 0 to highest, then divide by the length highest"
    ),
    Exercise(
        adapt_with_rates, _rate_cases, "every step uses the rates again, and nothing is detached", _with_gradients
    ),
    Exercise(fit_sine, _wave_cases, "A sin(x + p) = a sin x + b cos x, with a = A cos p and b = A sin p"),
]
