"""The landscape widget of lesson 02: its model against the closed form, its picture, its words."""

import torch

from metalearn_course.lessons.explorers import LandscapeExplorer
from metalearn_course.lessons.widgets import LandscapeView


def test_paths_follow_the_closed_form_of_a_quadratic():
    model, theta, alpha, steps = LandscapeExplorer.two_valleys(), torch.tensor([3.0, -1.0]), 0.3, 4
    for task, (centre, curvature) in enumerate(zip(model.centres, model.curvatures)):
        shrink = torch.linalg.matrix_power(torch.eye(2) - alpha * curvature, steps)
        torch.testing.assert_close(model.path(task, theta, alpha, steps)[-1], centre + shrink @ (theta - centre))


def test_losses_have_the_curvature_they_were_given():
    model = LandscapeExplorer.two_valleys()
    for task in range(2):
        hessian = torch.func.jacrev(torch.func.grad(lambda p, task=task: model.losses(task, p)))(torch.rand(2))
        torch.testing.assert_close(hessian, model.curvatures[task])


def test_without_steps_the_best_start_is_the_joint_minimum():
    model = LandscapeExplorer.two_valleys()
    shown, _ = model.adapt((0.0, 0.0), alpha=0.3, steps=0)
    pull = (model.curvatures @ model.centres.unsqueeze(-1)).sum(0)
    joint = torch.linalg.solve(model.curvatures.sum(0), pull).squeeze(-1)
    assert (shown.best - joint).abs().max() <= 8 / 80  # a cell of the grid


def test_the_best_start_has_the_smallest_meta_loss():
    model = LandscapeExplorer.two_valleys()
    shown, surface = model.adapt((3.0, 3.0), alpha=0.4, steps=2)
    assert shown.best_meta_loss == surface.min() < shown.meta_loss
    torch.testing.assert_close(model.meta_loss(shown.best, 0.4, 2), surface.min())
    torch.testing.assert_close(shown.losses[:, -1].mean(), torch.tensor(shown.meta_loss))


def test_every_control_changes_picture_and_words():
    view = LandscapeView()
    for name, value in (("steps", 4), ("alpha", 0.8), ("across", -1), ("up", -2)):
        before = view.picture.value, view.summary.value
        getattr(view, name).value = value
        assert view.picture.value != before[0], name
        assert view.summary.value != before[1], name
        assert 'role="status"' in view.summary.value
    assert "θ = (-1.0, -2.0)" in view.summary.value
    assert "4 steps" in view.summary.value


def test_a_rate_that_diverges_is_shown_all_the_same():
    view = LandscapeView(alpha=1.2, steps=10)
    assert 'role="status"' in view.summary.value
    assert view.model.adapt((3.0, 3.0), 1.2, 10)[0].meta_loss > 10
