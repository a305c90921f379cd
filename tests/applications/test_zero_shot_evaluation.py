"""The metrics of zero-shot learning against what can be counted by hand."""

import math

import pytest
import torch
import torch.nn.functional as F

from metalearn_course.applications import zero_shot_evaluation as evaluation


def test_top_counts_better_classes():
    similarity = torch.tensor([[[3.0, 2, 1], [1, 2, 3]], [[3, 2, 1], [0, 5, 0]], [[9, 8, 7], [1, 2, 3]]])
    assert evaluation.top(similarity).tolist() == [[True, False], [False, True], [False, True]]
    assert evaluation.top(similarity, 2).tolist() == [[True, False], [True, True], [False, True]]


def test_the_interval_is_over_classes_not_over_pictures():
    right = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0], [1, 1, 0, 0]])
    found = evaluation.over_classes(right)
    assert found.accuracy == pytest.approx(0.625)
    per_class = torch.tensor([1, 1, 0, 0.5])
    assert found.ci95 == pytest.approx(3.182 * per_class.std().item() / 2, rel=1e-3)  # Student's t of 3 freedoms
    assert evaluation.over_classes(right.repeat(1, 100)).ci95 == pytest.approx(found.ci95)


def test_fewer_ways_are_easier_and_all_ways_are_the_top_1():
    similarity = torch.rand(30, 4, 30, generator=torch.Generator().manual_seed(0)) + 0.3 * torch.eye(30)[:, None]
    few, many = evaluation.few_ways(similarity, 2), evaluation.few_ways(similarity, 30, n_tasks=2)
    assert few.accuracy > many.accuracy
    assert many.accuracy == pytest.approx(evaluation.top(similarity).float().mean().item())


def test_a_paired_gain_has_no_interval_where_every_class_gains_the_same():
    right = torch.tensor([[1, 0], [0, 1]])
    assert evaluation.paired(torch.ones(2, 2), right) == (0.5, 0.0)


# Generalised ---------------------------------------------------------------------------------


@pytest.fixture
def margins():
    """Four seen pictures (three right among seen), two of unseen classes (both right among unseen)."""
    return evaluation.Margins(
        torch.tensor([True, True, True, False]), torch.tensor([0.3, 0.05, -0.1, 0.3]),
        torch.tensor([True, True]), torch.tensor([0.2, -0.04]),
    )  # fmt: skip


def test_generalised_figures_as_counted_by_hand(margins):
    plain = margins.at(0)
    assert (plain.seen, plain.unseen) == (0.5, 0.5) and plain.harmonic == pytest.approx(0.5)
    shifted = margins.at(0.06)
    assert (shifted.seen, shifted.unseen) == (0.25, 1.0)
    assert shifted.harmonic == pytest.approx(2 * 0.25 * 1 / 1.25)
    assert margins.at(10).harmonic == 0


def test_the_best_constant_balances_the_two(margins):
    best = margins.best()
    assert 0.04 < best.constant < 0.05 and (best.seen, best.unseen) == (0.5, 1.0)


def test_margins_are_those_of_an_argmax_over_all_classes():
    g = torch.Generator().manual_seed(0)
    unit = [F.normalize(torch.randn(*shape, generator=g), dim=-1) for shape in ((5, 3, 4), (6, 2, 4), (5, 4), (6, 4))]
    seen_z, unseen_z, seen, unseen = unit
    at = evaluation.margins(*unit).at(0.1)
    both = torch.cat([seen, unseen])
    subtract = torch.tensor([0.1] * 5 + [0.0] * 6)
    s = ((seen_z @ both.T - subtract).argmax(-1) == torch.arange(5)[:, None]).float().mean().item()
    u = ((unseen_z @ both.T - subtract).argmax(-1) == 5 + torch.arange(6)[:, None]).float().mean().item()
    assert (at.seen, at.unseen) == pytest.approx((s, u))


# Descriptions with pictures ------------------------------------------------------------------


def test_pictures_that_make_a_prototype_are_not_asked_about():
    z = F.normalize(torch.randn(7, 5, 4, generator=torch.Generator().manual_seed(0)), dim=-1)
    alone = evaluation.with_pictures(z, torch.zeros(7, 4), k_shot=1)
    assert alone.shape == (7, 4, 7)
    assert alone.max() < 1 - 1e-4  # no picture meets itself


def test_without_weight_the_description_stands_alone():
    g = torch.Generator().manual_seed(0)
    z, described = (F.normalize(torch.randn(*s, 4, generator=g), dim=-1) for s in ((7, 5), (7,)))
    found = evaluation.with_pictures(z, described, weight=0.0, k_shot=2)
    assert found.shape == (7, 3, 7) and not math.isnan(found.sum())
    everything = (z @ described.T).flatten(0, 1)
    for row in found.flatten(0, 1):
        assert (everything - row).abs().amax(1).min() < 1e-6
