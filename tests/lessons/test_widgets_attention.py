"""The attention widget: its model against the learner, its picture, its words."""

import html
import io
import re
import time

import pytest
import torch
from helpers import easy_classes
from PIL import Image

from metalearn_course import nets
from metalearn_course.learners import MatchingNet
from metalearn_course.lessons.explorers import AttentionExplorer
from metalearn_course.lessons.widgets import AttentionView
from metalearn_course.sampling import EpisodeSampler


def explorer(norm: str = "support", **options) -> AttentionExplorer:
    torch.manual_seed(0)
    learner = MatchingNet(nets.Conv4(image_size=16, hidden=8), n_way=3, norm=norm, **options)
    return AttentionExplorer(learner, EpisodeSampler(easy_classes(), n_way=3, k_shot=4, n_query=2))


@pytest.fixture
def model() -> AttentionExplorer:
    return explorer()


@pytest.fixture
def view(model) -> AttentionView:
    return AttentionView(model)


def words(view: AttentionView) -> str:
    return html.unescape(re.sub("<.*?>", "", view.summary.value))


@pytest.mark.parametrize("options", [{}, {"fce": True}, {"norm": "query"}])
def test_the_shares_are_the_learners_label_distribution(options):
    model = explorer(**options)
    predict = model.learner.adapt(model.shots(2), norm=model.learner.norm)
    wanted = predict(model.task.query.x).exp()
    for query in range(model.n_queries):
        shown = model.look(query, k_shot=2)
        row = next(i for i, x in enumerate(model.task.query.x) if torch.equal(x, shown.picture))
        torch.testing.assert_close(shown.shares, wanted[row])
        assert shown.label == model.task.query.y[row]


def test_another_scale_is_what_a_learner_with_that_scale_would_answer(model):
    other = explorer(scale=3.0)
    other.learner.net.load_state_dict(model.learner.net.state_dict())
    torch.testing.assert_close(model.look(1, 2, scale=3.0).weights, other.look(1, 2).weights)


def test_scale_zero_looks_everywhere_alike_and_a_large_one_at_one_picture(model):
    torch.testing.assert_close(model.look(0, 4, scale=0).weights, torch.full((12,), 1 / 12))
    assert model.look(0, 4, scale=1e6).weights.max() > 0.99


def test_attention_adds_up_to_one_and_over_the_pictures_of_a_class(model):
    shown = model.look(2, k_shot=3)
    torch.testing.assert_close(shown.weights.sum(), torch.tensor(1.0))
    torch.testing.assert_close(shown.shares, shown.weights.view(3, 3).sum(1))


def test_queries_come_in_rounds_one_of_every_class(model):
    shown = [model.look(query) for query in range(model.n_queries)]
    assert [s.label for s in shown] == [0, 1, 2, 0, 1, 2]
    assert len({tuple(s.picture.flatten().tolist()) for s in shown}) == model.n_queries


def test_fewer_shots_are_part_of_more(model):
    one, four = model.shots(1), model.shots(4)
    assert one.y.tolist() == [0, 1, 2]
    assert torch.equal(four.x[::4], one.x)


@pytest.mark.parametrize("wrong", [dict(query=6), dict(query=-1), dict(query=0, k_shot=5), dict(query=0, scale=-1.0)])
def test_what_cannot_be_shown_is_refused_by_name(model, wrong):
    name, value = list(wrong.items())[-1]
    with pytest.raises(ValueError, match=f"{name}={value}"):
        model.look(**wrong)


@pytest.mark.parametrize(("control", "value"), [("query", 1), ("scale", 1), ("shots", 3), ("task", 1)])
def test_every_control_changes_picture_and_words_and_back(view, control, value):
    before = view.picture.value, words(view), getattr(view, control).value
    getattr(view, control).value = value
    assert view.picture.value != before[0]
    assert words(view) != before[1]
    assert Image.open(io.BytesIO(view.picture.value)).size == Image.open(io.BytesIO(before[0])).size
    getattr(view, control).value = before[2]
    assert (view.picture.value, words(view)) == before[:2]


def test_the_words_are_those_of_the_model(view, model):
    view.query.value, view.scale.value, view.shots.value = 4, 5, 2
    shown = model.look(4, 2, 5)
    assert words(view) == shown.summary
    assert f"answer is {shown.answer}" in words(view)
    assert "Scale 5.0, 2 shots" in words(view)


def test_a_wrong_answer_is_called_wrong(view, model):
    with torch.no_grad():
        model.learner.net.blocks[-1].norm.weight.zero_()  # no features: all pictures look alike
        model.learner.net.blocks[-1].norm.bias.fill_(1.0)
    view.query.value = 1  # of label 1; a tie goes to label 0
    assert "The answer is 0: wrong, it is 1" in words(view)
    assert "✗" in view.verdict.get_text()
    assert [" right answer" in text.get_text() for text in view.percents] == [False, True, False]


def test_the_bars_are_as_long_as_the_weights(view, model):
    view.shots.value = 2
    shown = model.look(0, 2)
    found = torch.tensor([bar.get_width() for _, bar in view.weights]).view(3, 4) / 16
    torch.testing.assert_close(found[:, :2].flatten(), shown.weights)
    assert found[:, 2:].sum() == 0
    assert [whole.get_visible() for whole, _ in view.weights] == [True, True, False, False] * 3
    shares = torch.tensor([bar.get_width() for bar in view.shares]) / view.FULL
    torch.testing.assert_close(shares, shown.shares)


def test_an_error_is_shown_to_the_reader_and_goes_away(view, model, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(model, "look", lambda *arguments: 1 / 0)
        view.query.value = 2
        assert "ZeroDivisionError" in words(view)
    view.query.value = 3
    assert 'role="status"' in view.summary.value


def test_from_control_to_picture_takes_less_than_150_ms_of_computing(view):
    times = []
    for query in (1, 2, 3, 4, 5):
        started = time.process_time()
        view.query.value = query
        times.append(time.process_time() - started)
    assert min(times) < 0.15
