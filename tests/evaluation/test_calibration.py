"""Calibration errors against values by hand, and uncertainty about classes outside the episode."""

import math

import matplotlib
import matplotlib.pyplot as plt
import pytest
import torch
from helpers import samplers
from small_learners import made, some_episodes
from torchmetrics.functional.classification import multiclass_calibration_error

from metalearn_course import functional
from metalearn_course.evaluation import calibration
from metalearn_course.evaluation.accuracy import evaluate
from metalearn_course.evaluation.calibration import alien_auroc, auroc, entropy, predictions, reliability
from metalearn_course.lessons import plots
from metalearn_course.sampling import EpisodeSampler

SAMPLER = samplers(n_query=4)[2]
LEARNERS = ["maml", "anil", "abml", "reptile", "matching", "protonet", "pretrained"]
every_learner = pytest.mark.parametrize("name", LEARNERS)


def ready(name):
    learner = made(name)
    learner.calibrate(some_episodes(seed=9))
    return learner


def honest(n: int = 100_000) -> tuple[torch.Tensor, torch.Tensor]:
    """Probabilities over four classes, and labels drawn with them."""
    g = torch.Generator().manual_seed(0)
    probabilities = (2 * torch.randn(n, 4, generator=g)).softmax(-1)
    return probabilities, probabilities.multinomial(1, generator=g).squeeze(1)


def test_labels_drawn_from_the_probabilities_leave_no_error_but_chance():
    probabilities, labels = honest()
    found = calibration.calibration(probabilities, labels)
    assert found.ece < 0.01
    # E sum_c (p_c - [y = c])^2 = 1 - sum_c p_c^2 for y drawn from p
    assert found.brier == pytest.approx((1 - probabilities.pow(2).sum(-1)).mean().item(), abs=0.01)
    too_sure = (3 * probabilities.log()).softmax(-1)
    worse = calibration.calibration(too_sure, labels)
    assert worse.ece > 0.1 and worse.brier > found.brier


def test_errors_by_hand():
    """Four answers with 0.9, three of them right, and two with 0.6, one of them right."""
    probabilities = torch.tensor([[0.9, 0.1]] * 4 + [[0.4, 0.6]] * 2)
    labels = torch.tensor([0, 0, 0, 1, 1, 0])
    found = calibration.calibration(probabilities, labels, n_bins=10)
    assert found.ece == pytest.approx((4 * 0.15 + 2 * 0.1) / 6)
    assert found.mce == pytest.approx(0.15)
    assert found.brier == pytest.approx((3 * 2 * 0.1**2 + 2 * 0.9**2 + 2 * 0.4**2 + 2 * 0.6**2) / 6)


def test_certain_answers_lie_in_the_last_bin():
    """Also where rounding has put a probability a little above 1, which torchmetrics takes for a logit."""
    probabilities = torch.tensor([[1 + 1e-6, 0.0], [1.0, 0.0], [0.95, 0.05], [0.95, 0.05]])
    labels = torch.tensor([0, 1, 1, 1])
    bins = reliability(probabilities, labels, n_bins=10)
    assert bins.count.tolist() == [0] * 9 + [4]
    found = calibration.calibration(probabilities, labels, n_bins=10)
    assert found.ece == found.mce == pytest.approx(0.975 - 0.25, abs=1e-5)


@pytest.mark.parametrize("n_bins", [3, 15])
def test_the_weighted_gaps_of_the_bins_are_the_error_of_torchmetrics(n_bins):
    probabilities, labels = honest(2000)
    too_sure = (2 * probabilities.log()).softmax(-1)
    bins = reliability(too_sure, labels, n_bins)
    assert bins.count.sum() == 2000
    gaps = (bins.confidence - bins.accuracy).abs()
    wanted = [multiclass_calibration_error(too_sure, labels, 4, n_bins, norm).item() for norm in ("l1", "max")]
    assert (gaps * bins.count / 2000).nansum().item() == pytest.approx(wanted[0], abs=1e-5)
    assert gaps.nan_to_num().max().item() == pytest.approx(wanted[1], abs=1e-5)
    assert calibration.calibration(too_sure, labels, n_bins)[:2] == pytest.approx(wanted, abs=1e-5)


def test_entropy_lies_between_certain_and_all_alike():
    p = torch.tensor([[1.0, 0.0, 0.0], [1 / 3, 1 / 3, 1 / 3], [0.5, 0.5, 0.0]])
    torch.testing.assert_close(entropy(p), torch.tensor([0.0, math.log(3), math.log(2)]))


def test_auroc_is_the_share_of_pairs_in_the_right_order():
    low = torch.tensor([0.1, 0.2, 1.3])
    assert auroc(low + 2, low) == 1
    assert auroc(low, low + 2) == 0
    assert auroc(low, low) == auroc(torch.ones(3), torch.ones(5)) == 0.5
    assert auroc(torch.tensor([0.2, 1.5]), low) == pytest.approx((1 + 0.5 + 3) / 6)
    assert auroc(torch.tensor([1e-9]), torch.tensor([1e-10, 1e-11])) == 1


def test_a_fitted_temperature_undoes_what_made_the_answers_too_sure():
    probabilities, labels = honest()
    assert calibration.fit_temperature(probabilities, labels) == pytest.approx(1, abs=0.02)
    for factor in (3.0, 0.5):
        skewed = (factor * probabilities.log()).softmax(-1)
        temperature = calibration.fit_temperature(skewed, labels)
        assert temperature == pytest.approx(factor, rel=0.02)
        torch.testing.assert_close(calibration.tempered(skewed, factor), probabilities)


def test_no_other_temperature_makes_the_labels_likelier():
    probabilities, labels = honest(500)
    best = calibration.fit_temperature(probabilities, labels)
    losses = [-calibration.tempered(probabilities, best * f)[range(500), labels].log().mean() for f in (0.95, 1, 1.05)]
    assert losses[1] < min(losses[0], losses[2])


def test_a_certain_answer_survives_a_temperature():
    certain = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    assert calibration.tempered(certain, 2.0).isfinite().all()
    assert math.isfinite(calibration.fit_temperature(certain, torch.tensor([0, 0, 1])))


@every_learner
def test_predictions_are_those_that_evaluate_scores(name):
    learner = ready(name)
    for norm in learner.norms:
        probabilities, labels = predictions(learner, SAMPLER, 5, norm, seed=3, batch=2)
        torch.testing.assert_close(probabilities.sum(-1), torch.ones(5 * 12))
        right = functional.accuracy(probabilities.view(5, 12, 3), labels.view(5, 12))
        torch.testing.assert_close(right, evaluate(learner, SAMPLER, 5, norm, seed=3).per_episode)
    assert labels.shape == (60,)


@every_learner
def test_aliens_leave_the_predictions_of_the_task_alone(name):
    learner = ready(name)
    one = alien_auroc(learner, SAMPLER, 4, n_alien=1)
    assert one.inside.shape == (4 * 12,) and one.outside.shape == (4 * 4,)
    assert 0 <= one.auroc <= 1
    above, level = (compare(one.outside[:, None], one.inside).float().mean() for compare in (torch.gt, torch.eq))
    assert one.auroc == pytest.approx((above + level / 2).item(), abs=1e-5)  # the most doubtful may all be level
    wider = EpisodeSampler(SAMPLER.images, 4, SAMPLER.k_shot, SAMPLER.n_query)
    task = wider.sample_tasks(0, 0, [0]).task(0)
    support = type(task.support)(task.support.x[:3], task.support.y[:3])
    norm = "support" if learner.norm == "query" else learner.norm
    predict = learner.adapt(support, norm)
    if isinstance(learner.draw_noise(torch.Generator()), tuple):  # none, so that adapting again gives the same
        close = dict(rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(entropy(predict(task.query.x[:12]).softmax(-1)), one.inside[:12], **close)
        torch.testing.assert_close(entropy(predict(task.query.x[12:]).softmax(-1)), one.outside[:4], **close)


def test_one_pass_gives_the_answers_to_known_and_to_aliens():
    learner = ready("maml")
    found = calibration.answers(learner, SAMPLER, 5, n_alien=2, seed=1, batch=2)
    assert [len(part) for part in found] == [5 * 12, 5 * 12, 5 * 8]
    assert torch.equal(found.labels.view(5, 12)[0], torch.arange(3).repeat_interleave(4))
    aliens = alien_auroc(learner, SAMPLER, 5, n_alien=2, seed=1, batch=3)
    torch.testing.assert_close(aliens.outside, entropy(found.alien))
    assert calibration.doubt(found).auroc == pytest.approx(aliens.auroc)
    softer = found.at(3.0)
    assert (entropy(softer.alien) >= entropy(found.alien) - 1e-6).all() and softer.labels is found.labels


def test_aliens_are_refused_where_queries_share_statistics():
    with pytest.raises(ValueError, match="choose norm='support'"):
        alien_auroc(ready("maml"), SAMPLER, 2, norm="query")
    with pytest.raises(ValueError, match="n_alien=0"):
        alien_auroc(ready("maml"), SAMPLER, 2, n_alien=0)
    with pytest.raises(ValueError, match="only 10 groups"):
        alien_auroc(ready("maml"), SAMPLER, 2, n_alien=8)


def test_classes_seen_in_training_are_refused():
    learner, train = ready("maml"), samplers()[0]
    learner.trained_on = dict(dataset_hash=train.images.hash, groups=train.images.groups)
    with pytest.raises(ValueError, match="seen in training"):
        predictions(learner, train, 2)
    with pytest.raises(ValueError, match="seen in training"):
        alien_auroc(learner, train, 2)


def test_a_reliability_diagram_draws_accuracy_against_confidence():
    matplotlib.use("agg")
    bins = reliability(*honest(500), n_bins=5)
    figure = plots.reliability_diagram({"one": bins, "other": bins})
    assert [ax.get_title() for ax in figure.axes] == ["one", "other"]
    torch.testing.assert_close(torch.tensor(figure.axes[0].lines[1].get_ydata()), bins.accuracy, equal_nan=True)
    assert sum(bar.get_height() for bar in figure.axes[0].patches) == pytest.approx(1)
    plt.close(figure)
