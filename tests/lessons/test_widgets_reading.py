"""The widget of lesson 16: its model against the learner, its picture, its words."""

import html
import io
import re
import time

import pytest
import torch
from helpers import assert_comes_back, easy_classes
from PIL import Image

from metalearn_course import nets
from metalearn_course.learners import InContext
from metalearn_course.lessons.explorers import ReadingExplorer
from metalearn_course.lessons.widgets import ReadingView
from metalearn_course.sampling import EpisodeSampler


@pytest.fixture
def model() -> ReadingExplorer:
    torch.manual_seed(0)
    learner = InContext(nets.Conv4(image_size=16, hidden=8), 4, width=12, n_codes=8, layers=2, norm="support")
    return ReadingExplorer(learner, EpisodeSampler(easy_classes(), n_way=4, k_shot=3, n_query=2))


@pytest.fixture
def view(model) -> ReadingView:
    return ReadingView(model)


def words(view: ReadingView) -> str:
    return html.unescape(re.sub("<.*?>", "", view.summary.value))


def test_the_shares_are_the_learners_answer(model):
    support = model.task.support
    chosen = support._replace(x=support.x[1::3], y=torch.arange(4))
    wanted = model.learner.adapt(chosen)(model.task.query.x).softmax(-1)
    for query in range(model.n_queries):
        found = model.look(query, shown=1)
        place = next(i for i, x in enumerate(model.task.query.x) if torch.equal(x, found.picture))
        torch.testing.assert_close(found.shares, wanted[place])
        assert found.wanted == found.row == model.task.query.y[place] == query % 4


def test_the_heads_are_the_attention_of_the_last_layer_and_add_up_to_one(model):
    found = model.look(2)
    assert found.heads.shape == (4, 4)
    torch.testing.assert_close(found.heads.sum(-1), torch.ones(4))


def test_other_labels_are_another_task(model):
    plain, swapped = model.look(0), model.look(0, [1, 0, 2, 3])
    assert (plain.wanted, swapped.wanted) == (0, 1)
    assert swapped.support.y.tolist() == [1, 0, 2, 3] and torch.equal(swapped.support.x, plain.support.x)
    assert not torch.allclose(plain.shares, swapped.shares)
    assert model.look(0, [0, 0, 2, 3]).shares.shape == (4,)  # no picture has label 1


@pytest.mark.parametrize("wrong", [dict(query=8), dict(query=0, labels=[0, 1, 2]), dict(query=0, shown=3)])
def test_what_cannot_be_shown_is_refused_by_name(model, wrong):
    with pytest.raises(ValueError, match=f"{[*wrong][-1]}="):
        model.look(**wrong)
    with pytest.raises(ValueError, match="0 to 3"):
        model.look(0, [0, 1, 2, 4])


@pytest.mark.parametrize(("control", "value"), [("query", 1), ("labels", "moved on"), ("shown", 2), ("task", 1)])
def test_every_control_changes_picture_and_words_and_back(view, control, value):
    assert_comes_back(getattr(view, control), view.picture, value)
    assert_comes_back(getattr(view, control), view.summary, value)


def test_picture_and_words_are_those_of_the_model(view, model):
    view.query.value, view.labels.value = 5, "one name for two"
    found = model.look(5, [0, 0, 2, 3])
    assert words(view) == found.summary and f"answer is {found.answer}" in found.summary
    heights = torch.tensor([[bar.get_height() for bar in bars] for bars in view.bars])
    torch.testing.assert_close(heights, found.heads.T)
    torch.testing.assert_close(torch.tensor([bar.get_width() for bar in view.shares]), found.shares)
    assert [title.get_text() for title in view.names] == ["query: ?", "0", "0", "2", "3"]
    assert Image.open(io.BytesIO(view.picture.value)).width > 600


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
