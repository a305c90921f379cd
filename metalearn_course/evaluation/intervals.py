"""Confidence intervals of a mean over few or many episodes: the one place that knows how wide they are."""

import functools
import math

from torch import Tensor


def ci95(values: Tensor) -> float:
    """Half the width of the 95 % confidence interval of the mean of values (E,), after Student (1908).

    t(E - 1) * s / sqrt(E), where s is the standard deviation of the values: for many of them 1.96 * s / sqrt(E).
    Infinite for a single value, which says nothing about how far values spread.
    """
    n = len(values)
    return t_quantile(n - 1) * values.std().item() / math.sqrt(n) if n > 1 else math.inf


@functools.lru_cache
def t_quantile(df: int, inside: float = 0.95) -> float:
    """The t between whose plus and minus a share `inside` of Student's distribution with df freedoms lies."""
    low, high = 0.0, math.pi / 2  # of the angle whose tangent is t / sqrt(df)
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _share_inside(middle, df) < inside else (low, middle)
    return math.sqrt(df) * math.tan(low)


def _share_inside(angle: float, df: int) -> float:
    """The probability of |T| < sqrt(df) * tan(angle): Abramowitz & Stegun 1964, equations 26.7.3 and 26.7.4."""
    odd = df % 2
    term, total = math.cos(angle) if odd else 1.0, 0.0
    for power in range(odd, df - 1, 2):  # of the cosine
        total += term
        term *= (power + 1) / (power + 2) * math.cos(angle) ** 2
    series = math.sin(angle) * total
    return 2 / math.pi * (angle + series) if odd else series
