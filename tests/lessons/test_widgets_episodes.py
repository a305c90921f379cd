"""The episode widget: baselines against plain definitions, its picture, its words."""

import io

import pytest
import torch
import torch.nn.functional as F
from helpers import assert_comes_back, easy_classes
from PIL import Image

from metalearn_course.lessons.explorers import EpisodeExplorer
from metalearn_course.lessons.explorers.episodes import centred, logistic_regression
from metalearn_course.lessons.widgets import EpisodeView


def sums(x):
    """Features of pictures (M, 1, 16, 16): their four by four blocks."""
    return F.avg_pool2d(x, 4).flatten(1)


@pytest.fixture
def explorer() -> EpisodeExplorer:
    return EpisodeExplorer(easy_classes(12), sums, n_way=4, k_shot=3, n_query=4, n_episodes=10)


def nearest_label(support, query, embed):
    return support.y[torch.cdist(embed(query.x), embed(support.x)).argmin(1)]


def test_the_nearest_neighbours_are_those_of_the_definition(explorer):
    for size in ((4, 3, 4), (2, 1, 1), (3, 2, 4)):
        shown = explorer.look(*size)
        pixels, features, _ = shown.baselines
        assert torch.equal(pixels.guesses, nearest_label(shown.support, shown.query, lambda x: x.flatten(1)))
        assert torch.equal(features.guesses, nearest_label(shown.support, shown.query, sums))


def test_the_logistic_regression_is_the_minimum_of_its_loss():
    g = torch.Generator().manual_seed(0)
    x, q, y = torch.randn(12, 30, generator=g), torch.randn(5, 30, generator=g), torch.arange(3).repeat(4)
    w = torch.zeros(30, 3, requires_grad=True)
    solver = torch.optim.LBFGS([w], max_iter=200, line_search_fn="strong_wolfe", tolerance_grad=1e-7)

    def closure():
        solver.zero_grad()
        loss = F.cross_entropy(x @ w, y, reduction="sum") + 0.5 * w.pow(2).sum()
        loss.backward()
        return loss

    solver.step(closure)
    found = logistic_regression((x @ x.T)[None], (q @ x.T)[None], y, 3, steps=300)[0]
    torch.testing.assert_close(found, (q @ w).detach(), rtol=1e-3, atol=1e-3)


def test_centring_takes_the_mean_support_picture_off():
    x = torch.randn(1, 9, 20, generator=torch.Generator().manual_seed(1))
    s, q = torch.tensor([0, 3, 4]), torch.tensor([1, 8])
    ss, qs = centred(x @ x.mT, s, q)
    away = x - x[:, s].mean(1, keepdim=True)
    torch.testing.assert_close(ss, away[:, s] @ away[:, s].mT, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(qs, away[:, q] @ away[:, s].mT, rtol=1e-4, atol=1e-4)


def test_a_smaller_task_is_part_of_a_larger_one(explorer):
    large, small = explorer.look(4, 3, 4), explorer.look(2, 1, 2)
    assert torch.equal(small.support.x, large.support.x[[0, 3]])
    assert torch.equal(small.query.x, large.query.x[[0, 1, 4, 5]])
    assert small.support.y.tolist() == [0, 1]


def test_support_and_query_have_no_picture_in_common(explorer):
    shown = explorer.look(4, 3, 4)
    assert torch.cdist(shown.support.x.flatten(1), shown.query.x.flatten(1)).min() > 0


def test_easy_classes_are_easy_and_more_ways_are_harder_than_guessing(explorer):
    shown = explorer.look(4, 3, 4)
    assert all(b.mean > 0.9 for b in shown.baselines)
    assert all(0 <= b.ci95 < 0.1 for b in shown.baselines)


def test_the_averages_do_not_depend_on_the_task_in_sight(explorer):
    before = explorer.look(4, 1, 2).baselines
    explorer.draw(5)
    after = explorer.look(4, 1, 2).baselines
    assert [(b.mean, b.ci95) for b in before] == [(b.mean, b.ci95) for b in after]


@pytest.mark.parametrize(
    ("size", "name"), [((5, 1, 1), "n_way"), ((1, 1, 1), "n_way"), ((2, 4, 1), "k_shot"), ((2, 1, 0), "n_query")]
)
def test_a_task_that_was_not_drawn_is_refused(explorer, size, name):
    with pytest.raises(ValueError, match=name):
        explorer.look(*size)


def test_an_average_needs_two_tasks():
    with pytest.raises(ValueError, match="n_episodes"):
        EpisodeExplorer(easy_classes(12), sums, n_way=4, k_shot=1, n_query=1, n_episodes=1)


@pytest.mark.parametrize(("control", "value"), [("ways", 4), ("shots", 3), ("queries", 1), ("another", 2)])
def test_moving_a_slider_changes_picture_and_words(explorer, control, value):
    view = EpisodeView(explorer, ways=3, shots=1, queries=3)
    picture, words = view.picture.value, view.summary.value
    getattr(view, control).value = value
    assert 'role="status"' in view.summary.value
    assert view.picture.value != picture
    size = [Image.open(io.BytesIO(png)).size for png in (picture, view.picture.value)]
    assert size[0] == size[1]
    assert explorer.look(view.ways.value, view.shots.value, view.queries.value).summary in view.summary.value
    if control != "another":  # easy classes: another task may get the same score
        assert view.summary.value != words


def test_the_first_task_comes_back(explorer):
    view = EpisodeView(explorer, ways=3)
    assert_comes_back(view.another, view.picture, other=4)


def test_controls_send_their_value_when_let_go(explorer):
    view = EpisodeView(explorer, ways=3)
    assert not any(c.continuous_update for c in (view.ways, view.shots, view.queries, view.another))


def test_averages_are_the_same_when_a_setting_comes_back(explorer):
    first = explorer.look(3, 2, 2)
    explorer.look(4, 1, 4)
    again = explorer.look(3, 2, 2)
    assert [(b.mean, b.ci95) for b in first.baselines] == [(b.mean, b.ci95) for b in again.baselines]


def test_the_average_is_that_of_the_single_tasks(explorer):
    """One task at a time gives what all tasks at once give."""
    shown, many = explorer.look(3, 2, 2), explorer.many
    hits = []
    for task in range(explorer.n_episodes):
        explorer.one = tuple(table[task : task + 1] for table in many)
        hits.append([b.accuracy for b in explorer.look(3, 2, 2).baselines])
    found = torch.tensor(hits).mean(0)
    torch.testing.assert_close(found, torch.tensor([b.mean for b in shown.baselines]))
