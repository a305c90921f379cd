"""The rivals of ProtoNet-zero: their closed forms, and that each of them can answer for unseen classes."""

import pytest
import torch

from metalearn_course.applications import zero_shot_baselines as baselines


@pytest.fixture(scope="module")
def linear_world():
    """Features that are a linear function of the description plus noise: (X, S) of 60 seen classes, of 15 unseen."""
    g = torch.Generator().manual_seed(0)
    s = (torch.rand(75, 12, generator=g) < 0.4).float()
    x = (s @ torch.randn(12, 20, generator=g)).unsqueeze(1) + 0.3 * torch.randn(75, 6, 20, generator=g)
    return (x[:60], s[:60]), (x[60:], s[60:])


@pytest.mark.parametrize(
    "rival",
    [
        baselines.attribute_regression,
        baselines.ridge_to_means,
        lambda x, s: baselines.eszsl(x, s, 1.0, 1.0),
        lambda x, s: baselines.hinge(x, s, n_steps=200),
        lambda x, s: baselines.generated_features(x, s, n_steps=300),
    ],
)
def test_a_rival_answers_for_unseen_classes(linear_world, rival):
    (x, s), (asked, described) = linear_world
    similarity = rival(x, s)(asked.flatten(0, 1), described)
    assert similarity.shape == (90, 15) and not similarity.requires_grad
    assert (similarity.argmax(1) == torch.arange(15).repeat_interleave(6)).float().mean() > 0.6  # chance 0.07


@pytest.mark.parametrize("shape", [(30, 5), (5, 30)])
def test_ridge_has_a_gradient_of_zero(shape, float64):
    g = torch.Generator().manual_seed(0)
    x, y = torch.randn(*shape, generator=g), torch.randn(shape[0], 3, generator=g)
    weights, bias = baselines.ridge(x, y, 0.7)
    rest = x @ weights + bias - y
    torch.testing.assert_close(rest.mean(0), torch.zeros(3))
    torch.testing.assert_close(x.T @ rest + 0.7 * weights, torch.zeros(shape[1], 3))


@pytest.mark.parametrize("negative", [0.0, -1.0])
def test_eszsl_has_a_gradient_of_zero(negative, float64):
    """Of |X W S' - Y|² with the paper's three penalties, at W."""
    g = torch.Generator().manual_seed(0)
    x, s = torch.randn(4, 3, 5, generator=g), torch.randn(4, 6, generator=g)
    rival = baselines.eszsl(x, s, penalty=0.3, penalty_s=0.7, negative=negative)
    scale = torch.full((6,), 1.0)
    flat = x.flatten(0, 1)
    unit = torch.eye(6)
    weights = rival(torch.eye(5), unit) * scale  # unit descriptions read W column by column
    y = torch.full((12, 4), negative)
    y[torch.arange(12), torch.arange(4).repeat_interleave(3)] = 1
    gradient = flat.T @ (flat @ weights @ s.T - y) @ s
    gradient += 0.3 * weights @ s.T @ s + 0.7 * flat.T @ flat @ weights + 0.3 * 0.7 * weights
    torch.testing.assert_close(gradient, torch.zeros(5, 6))
