"""Paired gains."""

import pytest
import torch
from helpers import samplers, tiny_maml

from metalearn_course.evaluation.accuracy import Score, evaluate
from metalearn_course.evaluation.comparison import paired


def test_a_gain_is_the_mean_difference_with_its_own_interval():
    g = torch.Generator().manual_seed(0)
    hardness, extra = torch.randn(400, generator=g), torch.randn(400, generator=g)
    a, b = Score(hardness + 0.1 * extra + 0.05, "query", "same"), Score(hardness, "query", "same")
    gain = paired(a, b)
    assert gain.gain == pytest.approx(a.accuracy - b.accuracy, abs=1e-5)
    assert gain.ci95 == pytest.approx(1.966 * 0.1 * extra.std().item() / 20, rel=1e-3)
    assert gain.ci95 < 0.2 * a.ci95  # what both have in common is gone
    assert paired(b, a).gain == pytest.approx(-gain.gain) and paired(a, a) == (0, 0)
    assert repr(gain).endswith("percentage points")


def test_learners_are_compared_on_the_same_episodes_only():
    learner, (_, _, test) = tiny_maml(), samplers()
    one, other = (evaluate(learner, test, 4, steps=steps) for steps in (0, 2))
    assert -1 <= paired(one, other).gain <= 1
    with pytest.raises(ValueError, match="different episodes"):
        paired(one, evaluate(learner, test, 4, seed=1))
