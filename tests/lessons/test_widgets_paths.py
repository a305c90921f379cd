"""The path widget of lesson 05: its model against autograd and by hand, its picture, its words."""

import pytest
import torch
from torch.func import grad

from metalearn_course.lessons.explorers import LandscapeExplorer, PathExplorer
from metalearn_course.lessons.explorers.paths import METHODS
from metalearn_course.lessons.widgets import PathView

THETA = torch.tensor([3.0, -1.0])


@pytest.fixture
def two_parabolas() -> PathExplorer:
    """The toy of lesson 02 along both axes: curvatures 1 and 3, optima 0 and 4."""
    centres = torch.tensor([[0.0, 0.0], [4.0, 4.0]])
    return PathExplorer(LandscapeExplorer(centres, torch.stack([torch.eye(2), 3 * torch.eye(2)])))


@pytest.mark.parametrize("steps", [1, 4])
def test_directions_are_what_autograd_and_the_paths_say(steps):
    model, alpha = PathExplorer(), 0.3
    land = model.landscape
    phi = [land.path(i, THETA, alpha, steps)[-1] for i in range(2)]
    wanted = torch.stack(
        [
            -grad(lambda at: land.meta_loss(at, alpha, 0))(THETA),
            -sum(grad(lambda at, i=i: land.losses(i, at))(phi[i]) for i in range(2)) / 2,
            -grad(lambda at: land.meta_loss(at, alpha, steps))(THETA),
            sum(phi) / 2 - THETA,
        ]
    )
    torch.testing.assert_close(model.directions(THETA, alpha, steps), wanted)


def test_the_ends_are_those_found_by_hand(two_parabolas):
    one, many = (two_parabolas.ends(0.25, steps)[:, 0] for steps in (1, 60))
    torch.testing.assert_close(one, torch.tensor([3.0, 2.0, 1.0, 3.0]))
    torch.testing.assert_close(many[3], torch.tensor(2.0))  # Reptile: the average of the optima


def test_a_walk_ends_where_its_method_stands_still():
    model = PathExplorer()
    shown, ends = model.walk((-3.0, 2.0), 0.3, 3), model.ends(0.3, 3)
    for name, end in zip(METHODS, ends):
        torch.testing.assert_close(shown.outer[name][-1], end, atol=0.05, rtol=0)
        strides = torch.diff(shown.outer[name], dim=0).norm(dim=-1)
        assert strides.max() <= model.STRIDE * 1.001
        torch.testing.assert_close(strides.sum(), shown.lengths[name][-1])


def test_only_maml_never_walks_uphill():
    shown = PathExplorer().walk((-3.0, 2.0), 0.3, 3)
    assert (torch.diff(shown.losses["MAML"]) <= 1e-5).all()
    assert (torch.diff(shown.losses["joint training"]) > 1e-3).any()


def test_without_inner_steps_reptile_stays_and_the_others_train_jointly():
    model = PathExplorer()
    shown = model.walk((1, 2), 0.3, 0)
    torch.testing.assert_close(shown.outer["Reptile"], torch.tensor([1.0, 2.0]).expand_as(shown.outer["Reptile"]))
    torch.testing.assert_close(shown.outer["MAML"], shown.outer["joint training"])
    assert shown.directions["Reptile"].norm() == 0
    assert model.ends(0.3, 0)[3].isnan().all()


def test_first_order_runs_away_where_a_step_overshoots(two_parabolas):
    """At α = 0.5 FOMAML weighs the steep task with 3 (1 − 1.5) < 0: it climbs, and MAML does not."""
    shown = two_parabolas.walk((2.0, 2.0), 0.5, 1)
    assert shown.losses["FOMAML"][-1] > 10 * shown.losses["FOMAML"][0]
    assert shown.losses["MAML"][-1] < shown.losses["MAML"][0]


def test_every_control_changes_picture_and_words():
    view = PathView()
    for name, value in (("steps", 6), ("alpha", 0.5), ("across", 1), ("up", -2)):
        before = view.picture.value, view.summary.value
        getattr(view, name).value = value
        assert bytes(view.picture.value).startswith(b"\x89PNG")
        assert view.picture.value != before[0], name
        assert view.summary.value != before[1], name
        assert 'role="status"' in view.summary.value
    assert "θ = (1.0, -2.0) with 6 inner steps" in view.summary.value
    assert view.model.walk((1, -2), 0.5, 6).summary in view.summary.value


@pytest.mark.parametrize(("steps", "alpha"), [(0, 0.3), (5, 0.0), (20, 1.2), (1, 1.2)])
def test_nothing_moving_and_everything_diverging_are_shown(steps, alpha):
    view = PathView(steps=steps, alpha=alpha)
    assert 'role="status"' in view.summary.value


def test_controls_send_their_value_when_let_go():
    view = PathView()
    assert not any(c.continuous_update for c in (view.steps, view.alpha, view.across, view.up))
