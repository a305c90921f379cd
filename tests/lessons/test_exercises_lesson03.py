"""Exercises of lesson 03: the solutions against mathematics, and likely mistakes found."""

import math

import torch
from torch.func import grad

from metalearn_course.lessons import checks
from metalearn_course.lessons.exercises import lesson03


def test_the_average_curve_is_the_mean_over_phases():
    x, phases = torch.linspace(-5, 5, 7).double(), torch.linspace(0, 2.0, 20_001).double()
    mean = 2.55 * torch.trapezoid(torch.sin(x[:, None] + phases), phases) / 2.0
    torch.testing.assert_close(lesson03.average_curve(x, 2.55, 2.0), mean, rtol=1e-6, atol=1e-8)


def test_over_a_full_turn_nothing_is_left():
    assert lesson03.average_curve(torch.linspace(-5, 5, 7), 2.55, 2 * math.pi).abs().max() < 1e-5


def test_two_points_determine_a_wave():
    x = torch.tensor([2.6, 3.4])
    amplitude, phase = lesson03.fit_sine(x, 1.5 * torch.sin(x + 2.0))
    assert math.isclose(amplitude, 1.5, rel_tol=1e-4)
    assert math.isclose(phase, 2.0, rel_tol=1e-4)


def test_detaching_the_inner_gradient_is_found():
    def detached(net, theta, rates, x, y, steps):
        phi = theta
        for _ in range(steps):
            g = grad(lambda w: (net(w, x) - y).square().mean())(phi)
            phi = {name: phi[name] - rates[name] * g[name].detach() for name in phi}
        return phi

    assert "not yet" in checks.check("3.2", detached)


def test_a_single_step_is_found():
    def one_step(net, theta, rates, x, y, steps):
        return lesson03.adapt_with_rates(net, theta, rates, x, y, 1)

    assert "not yet" in checks.check("3.2", one_step)
