"""What a fitted temperature promises, whatever the probabilities are; hypothesis makes them up."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from metalearn_course.evaluation.calibration import fit_temperature, tempered

shapes = st.tuples(st.integers(1, 40), st.integers(2, 6), st.integers(0, 2**31), st.floats(0.0, 6.0))
temperatures = st.floats(0.1, 10.0)


def answers(shape) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities (M, N), from undecided to certain, and labels that may be right or wrong."""
    m, n, seed, spread = shape
    g = torch.Generator().manual_seed(seed)
    logits = spread * torch.randn(m, n, generator=g, dtype=torch.float64)
    return logits.softmax(-1), torch.randint(n, (m,), generator=g)


def loss(probabilities: torch.Tensor, labels: torch.Tensor, temperature: float) -> float:
    """Mean negative log-likelihood of the labels at a temperature."""
    return -tempered(probabilities, temperature).gather(1, labels[:, None]).clamp(min=1e-300).log().mean().item()


@settings(deadline=None)
@given(shapes)
def test_it_is_never_worse_than_none_on_what_it_was_fitted_to(shape):
    probabilities, labels = answers(shape)
    fitted = fit_temperature(probabilities, labels)
    assert 0.999 / 50 <= fitted <= 50 * 1.001
    assert loss(probabilities, labels, fitted) <= loss(probabilities, labels, 1.0) + 1e-9


@settings(deadline=None)
@given(shapes, temperatures)
def test_nor_worse_than_any_other_between_its_bounds(shape, other):
    probabilities, labels = answers(shape)
    best = loss(probabilities, labels, fit_temperature(probabilities, labels))
    assert best <= loss(probabilities, labels, other) + 1e-9


@settings(deadline=None)
@given(shapes, st.floats(0.5, 2.0))
def test_logits_times_a_factor_give_that_factor_more(shape, factor):
    """So it is monotone in how sure the answers are: twice the logits, twice the temperature, but for the bounds."""
    probabilities, labels = answers(shape)
    fitted = fit_temperature(probabilities, labels)
    sharper = fit_temperature(tempered(probabilities, 1 / factor), labels)
    if 0.05 < fitted < 20 and 0.05 < sharper < 20:
        assert sharper == pytest.approx(factor * fitted, rel=1e-3)
    assert (sharper - fitted) * (factor - 1) >= -1e-6


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 2**31), st.floats(0.3, 3.0))
def test_a_known_temperature_is_found_again(seed, known):
    """Labels are drawn from probabilities, and these are then made too sure or too shy."""
    g = torch.Generator().manual_seed(seed)
    honest = torch.randn(5000, 4, generator=g, dtype=torch.float64).mul(2).softmax(-1)
    labels = honest.multinomial(1, generator=g).squeeze(1)
    assert fit_temperature(tempered(honest, 1 / known), labels) == pytest.approx(known, rel=0.12)


@settings(deadline=None)
@given(shapes, temperatures, temperatures)
def test_a_higher_temperature_is_less_sure_and_keeps_the_answer(shape, one, other):
    probabilities, _ = answers(shape)
    cool, warm = sorted((one, other))
    cooler, warmer = tempered(probabilities, cool), tempered(probabilities, warm)
    assert (warmer.max(-1).values <= cooler.max(-1).values + 1e-9).all()
    answer = probabilities.argmax(-1, keepdim=True)
    assert (warmer.gather(1, answer) >= warmer.max(-1, keepdim=True).values - 1e-9).all()
