"""The interval of a mean holds what it promises, for two episodes as for a thousand."""

import math

import pytest
import torch

from metalearn_course.evaluation.intervals import ci95, t_quantile


@pytest.mark.parametrize("n", [2, 3, 5, 30])
def test_the_interval_covers_the_mean_in_95_of_100_cases(n):
    g = torch.Generator().manual_seed(0)
    samples = torch.randn(20_000, n, generator=g)
    width = samples.std(1) / math.sqrt(n) * t_quantile(n - 1)
    assert (samples.mean(1).abs() < width).float().mean().item() == pytest.approx(0.95, abs=0.006)


def test_quantiles_by_hand():
    """One freedom: a Cauchy distribution; two: |T| < t has probability t / sqrt(2 + t^2); many: a normal one."""
    assert t_quantile(1) == pytest.approx(math.tan(math.pi * 0.475))
    assert t_quantile(2, 0.8) == pytest.approx(0.8 * math.sqrt(2 / (1 - 0.8**2)))
    normal = torch.special.ndtri(torch.tensor(0.975, dtype=torch.float64)).item()
    assert t_quantile(100_000) == pytest.approx(normal, abs=1e-4)
    widths = [t_quantile(df) for df in range(1, 50)]
    assert widths == sorted(widths, reverse=True)


def test_the_density_of_the_distribution_adds_up_to_the_share_inside():
    for df in (3, 4, 11, 30):
        t = t_quantile(df)
        x = torch.linspace(-t, t, 20_001, dtype=torch.float64)
        density = torch.distributions.StudentT(torch.tensor(float(df), dtype=torch.float64)).log_prob(x).exp()
        assert torch.trapezoid(density, x).item() == pytest.approx(0.95, abs=1e-6)


def test_a_single_value_says_nothing_about_the_mean():
    assert ci95(torch.tensor([0.5])) == math.inf
    assert ci95(torch.tensor([0.5, 0.5])) == 0
