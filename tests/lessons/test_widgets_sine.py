"""The widget of lesson 03: its model, its picture, its words."""

import io

import pytest
import torch
from PIL import Image

from metalearn_course.lessons.explorers import SineExplorer
from metalearn_course.lessons.widgets import SineView


def forward(w, x):
    return w["a"] * x.sin() + w["b"] * x.cos()


def adapt(w, support, steps, alpha):
    """Gradient steps on the mean squared error, the gradient written out."""
    for _ in range(steps):
        residual = forward(w, support.x) - support.y
        slopes = {"a": 2 * (residual * support.x.sin()).mean(), "b": 2 * (residual * support.x.cos()).mean()}
        w = {name: w[name] - alpha * slopes[name] for name in w}
    return w


@pytest.fixture
def explorer() -> SineExplorer:
    zero = {"a": torch.tensor(0.0), "b": torch.tensor(0.0)}
    return SineExplorer(forward, adapt, {"quick": (zero, 0.8), "still": (zero, 0.0)})


def test_steps_approach_the_wave(explorer):
    shown = explorer.fit("quick", amplitude=2.0, phase=0.5, shots=10, steps=10)
    assert len(shown.errors) == len(shown.support_errors) == 11
    assert shown.errors[0] == pytest.approx(shown.truth.square().mean().item())
    assert shown.errors[-1] < 0.05 * shown.errors[0]
    torch.testing.assert_close(shown.after, shown.truth, atol=0.5, rtol=0)


def test_the_steps_are_those_of_adapt(explorer):
    shown = explorer.fit("quick", 3.0, 1.0, shots=4, steps=6)
    at_once = adapt(explorer.starts["quick"][0], shown.support, 6, 0.8)
    torch.testing.assert_close(shown.after, forward(at_once, explorer.grid))


def test_points_lie_on_the_wave_and_fewer_are_part_of_more(explorer):
    few, many = explorer.fit("quick", 2.0, 1.0, 3, 1).support, explorer.fit("quick", 2.0, 1.0, 9, 1).support
    assert torch.equal(few.x, many.x[:3])
    torch.testing.assert_close(few.y, 2 * torch.sin(few.x + 1))


def test_without_a_step_nothing_moves(explorer):
    shown = explorer.fit("quick", 2.0, 1.0, 5, 0)
    assert torch.equal(shown.before, shown.after)
    still = explorer.fit("still", 2.0, 1.0, 5, 4)
    assert len(set(still.errors)) == 1


@pytest.mark.parametrize("shots", [0, 21])
def test_shots_out_of_range_are_refused(explorer, shots):
    with pytest.raises(ValueError, match="choose 1 to 20"):
        explorer.fit("quick", 1.0, 0.0, shots, 1)


def test_an_unknown_start_is_refused(explorer):
    with pytest.raises(ValueError, match="quick, still"):
        explorer.fit("other", 1.0, 0.0, 5, 1)


@pytest.mark.parametrize(("control", "value"), [("amplitude", 4.25), ("phase", 1.25), ("shots", 3), ("steps", 2)])
def test_every_control_changes_picture_and_words(explorer, control, value):
    view = SineView(explorer)
    picture, words = view.picture.value, view.summary.value
    getattr(view, control).value = value
    assert Image.open(io.BytesIO(view.picture.value)).format == "PNG"
    assert view.picture.value != picture
    assert view.summary.value != words
    values = (getattr(view, name).value for name in ("start", "amplitude", "phase", "shots", "steps"))
    assert explorer.fit(*values).summary in view.summary.value


def test_another_start_and_back(explorer):
    view = SineView(explorer)
    picture = view.picture.value
    view.start.value = "still"
    assert view.picture.value != picture
    view.start.value = "quick"
    assert view.picture.value == picture


def test_the_amplitude_is_the_first_control(explorer):
    view = SineView(explorer)
    assert view.children[0].children[0] is view.amplitude


def test_a_large_wave_stays_in_the_picture(explorer):
    view = SineView(explorer)
    view.amplitude.value = 10.0
    assert view.panels[0].get_ylim()[1] >= 10.0
