"""The adaptation widget: its model, its picture, its words."""

import io

import ipywidgets
import pytest
import torch
from helpers import assert_comes_back
from PIL import Image

from metalearn_course import datasets, nets
from metalearn_course.learners import MAML
from metalearn_course.lessons.explorers import AdaptationExplorer
from metalearn_course.lessons.widgets import AdaptationView, View, slider
from metalearn_course.sampling import EpisodeSampler


@pytest.fixture
def explorer() -> AdaptationExplorer:
    g = torch.Generator().manual_seed(0)
    centres = torch.randint(0, 200, (8, 1, 1, 28, 28), generator=g)
    pictures = centres + torch.randint(0, 56, (8, 10, 1, 28, 28), generator=g)
    images = datasets.from_tensors("easy", pictures.flatten(0, 1).byte(), [10] * 8, [f"c{i}" for i in range(8)])
    torch.manual_seed(0)
    learner = MAML(nets.Conv4(hidden=8), n_way=3, inner_lr=0.1)
    return AdaptationExplorer(learner, EpisodeSampler(images, n_way=3, k_shot=4, n_query=2))


def size(png: bytes) -> tuple[int, int]:
    return Image.open(io.BytesIO(png)).size


def test_the_model_agrees_with_adapt(explorer):
    shown = explorer.adapt(steps=3, inner_lr=0.2, k_shot=2)
    predict = explorer.learner.adapt(explorer.shots(2), norm="query", steps=3, inner_lr=0.2)
    assert torch.equal(shown.after, predict(shown.query.x).argmax(1))
    assert len(shown.accuracies) == len(shown.support_losses) == 4
    assert shown.support_losses[-1] < shown.support_losses[0]


def test_the_model_can_be_inductive(explorer):
    shown = explorer.adapt(steps=2, inner_lr=None, k_shot=1, norm="support")
    predict = explorer.learner.adapt(explorer.shots(1), norm="support", steps=2)
    assert torch.equal(shown.after, predict(shown.query.x).argmax(1))


def test_fewer_shots_are_part_of_more(explorer):
    one, four = explorer.shots(1), explorer.shots(4)
    assert one.y.tolist() == [0, 1, 2]
    assert torch.equal(four.x[::4], one.x)


def test_moving_a_slider_changes_model_picture_and_words(explorer):
    view = AdaptationView(explorer, steps=1)
    picture, words = view.picture.value, view.summary.value
    view.steps.value = 3
    assert view.picture.value != picture
    assert size(view.picture.value) == size(picture)
    assert explorer.adapt(3, None, 1).summary in view.summary.value.replace("&#x27;", "'")
    assert view.summary.value != words
    assert "3 steps" in view.summary.value


def test_at_rate_zero_nothing_moves(explorer):
    view = AdaptationView(explorer, steps=4)
    view.alpha.value = 0.0
    shown = explorer.adapt(4, 0.0, 1)
    assert torch.equal(shown.before, shown.after)
    assert len(set(shown.accuracies)) == 1


def test_another_task_is_drawn_and_the_first_comes_back(explorer):
    view = AdaptationView(explorer)
    assert_comes_back(view.task, view.picture, other=1)


def test_an_error_is_shown_to_the_reader_and_goes_away(explorer, monkeypatch):
    view = AdaptationView(explorer)
    with monkeypatch.context() as patch:
        patch.setattr(explorer, "adapt", lambda *arguments: 1 / 0)
        view.steps.value = 2
        assert 'role="alert"' in view.summary.value
        assert "ZeroDivisionError" in view.summary.value
    view.steps.value = 3
    assert 'role="status"' in view.summary.value


def test_controls_send_their_value_when_let_go(explorer):
    view = AdaptationView(explorer)
    assert not any(c.continuous_update for c in (view.steps, view.alpha, view.shots, view.task))


def test_the_base_asks_for_what_a_view_must_draw():
    with pytest.raises(NotImplementedError):
        View((2, 2), steps=slider("steps", 1, 0, 2))


def test_only_widgets_import_ipywidgets():
    """So that the package works where there is no notebook."""
    import pathlib

    import metalearn_course

    folder = pathlib.Path(metalearn_course.__file__).parent
    users = {p.parent.name for p in folder.rglob("*.py") if "import ipywidgets" in p.read_text(encoding="utf-8")}
    assert users == {"widgets"}
    assert isinstance(slider("x", 0, 0, 1), ipywidgets.IntSlider)
