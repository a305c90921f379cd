"""Rendering and varying strokes, against the same mathematics done slowly and plainly."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from metalearn_course.datasets.strokes import BOX, render, resample, vary


@pytest.fixture
def drawings():
    """Three drawings of two strokes with five points each."""
    return torch.rand(3, 2, 5, 2, generator=torch.Generator().manual_seed(0)) * BOX


def _distance(pixel, start, end):
    """Of a point to a segment, in float64."""
    along = end - start
    t = np.clip(np.dot(pixel - start, along) / max(np.dot(along, along), 1e-300), 0, 1)
    return np.linalg.norm(pixel - start - t * along)


def _distances(drawing, size):
    """Of every pixel centre to the nearest segment, in pixels: (size, size)."""
    strokes = drawing.double().numpy() * size / BOX
    segments = [ends for stroke in strokes for ends in zip(stroke[:-1], stroke[1:])]
    centres = np.arange(size) + 0.5
    return np.array([[min(_distance(np.array([x, y]), *ends) for ends in segments) for x in centres] for y in centres])


# Rendering -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [12, 28])
def test_ink_falls_off_over_one_pixel_at_half_the_width_from_the_line(drawings, size):
    width = torch.tensor([1.2, 1.7, 3.0])
    for picture, drawing, w in zip(render(drawings, width, size), drawings, width.tolist()):
        expected = np.clip(0.5 + w / 2 - _distances(drawing, size), 0, 1)
        np.testing.assert_allclose(
            picture.numpy(), expected, atol=1 / 255
        )  # float32 against float64: below a grey level


def test_ink_is_full_on_the_line_and_none_far_away(drawings):
    picture, distance = render(drawings[:1], torch.tensor([2.0]))[0].numpy(), _distances(drawings[0], 28)
    assert (picture[distance < 0.45] == 1).all() and (distance < 0.45).any()
    assert (picture[distance > 1.55] == 0).all() and (distance > 1.55).any()


def test_x_runs_to_the_right_and_y_downwards():
    right = torch.tensor([[10.0, 27.25], [99.0, 27.25]]).view(1, 1, 2, 2)  # a level line a quarter of the way down
    inked = (render(right, torch.tensor([1.0]))[0] > 0.4).nonzero()
    assert set(inked[:, 0].tolist()) <= {6, 7} and len(set(inked[:, 1].tolist())) > 20


def test_a_stroke_that_stands_still_is_a_dot():
    dot = torch.full((1, 1, 4, 2), BOX / 2)
    picture = render(dot, torch.tensor([3.0]), size=27)[0].numpy()
    np.testing.assert_allclose(picture, np.clip(2 - _distances(dot[0], 27), 0, 1), atol=1 / 255)


def test_a_wider_pen_never_leaves_less_ink(drawings):
    thin, thick = (render(drawings, torch.full((3,), width)) for width in (1.2, 2.4))
    assert (thick >= thin).all() and thick.sum() > thin.sum()


# Resampling ----------------------------------------------------------------------------------


def test_resampled_points_lie_at_equal_distances_on_the_line():
    corner = torch.tensor([[0.0, 0.0], [1.0, 0.0], [3.0, 0.0], [3.0, 7.0]])  # 10 long
    along = torch.linspace(0, 10, 21)
    expected = torch.stack((along.clamp(max=3), (along - 3).clamp(min=0)), -1)
    torch.testing.assert_close(resample(corner, 21), expected)


def test_resampling_a_curve_gives_steps_of_one_length():
    angle = torch.linspace(0, math.pi, 50) ** 2 / math.pi  # half a circle, crowded at its beginning
    points = resample(torch.stack((angle.cos(), angle.sin()), -1), 12)
    steps = points.diff(dim=0).norm(dim=-1)
    torch.testing.assert_close(steps, steps.mean().expand(11), rtol=0.01, atol=0)
    torch.testing.assert_close(points[[0, -1]], torch.tensor([[1.0, 0.0], [-1.0, 0.0]]))


@pytest.mark.parametrize("points", [[[4.0, 5.0]], [[4.0, 5.0]] * 3], ids=["one point", "three equal points"])
def test_resampling_a_dot_gives_a_dot(points):
    assert torch.equal(resample(torch.tensor(points), 6), torch.tensor([[4.0, 5.0]]).expand(6, 2))


def test_repeated_points_do_not_disturb_resampling():
    points = torch.tensor([[0.0, 0.0], [0.0, 0.0], [2.0, 0.0], [2.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
    torch.testing.assert_close(resample(points, 5)[:, 0], torch.arange(5.0))


COORDINATES = st.integers(0, 109).map(float) | st.floats(0, 109, width=32)
LINES = st.lists(st.tuples(COORDINATES, COORDINATES), min_size=1, max_size=12)


@given(LINES, st.integers(2, 30))
def test_any_line_is_resampled_from_end_to_end_in_order_and_at_equal_distances(line, n_points):
    points = torch.tensor(line)
    new = resample(points, n_points)
    assert new.shape == (n_points, 2) and new.isfinite().all()
    torch.testing.assert_close(new[[0, -1]], points[[0, -1]], rtol=0, atol=1e-2)
    corners = torch.cat((torch.zeros(1), points.double().diff(dim=0).norm(dim=-1).cumsum(0).float()))
    wanted = np.linspace(0, float(corners[-1]), n_points)
    expected = [np.interp(wanted, corners.double(), points[:, axis].double()) for axis in (0, 1)]
    torch.testing.assert_close(new.double(), torch.tensor(np.stack(expected, -1)), rtol=0, atol=2e-2)


@given(LINES, st.integers(2, 30))
def test_resampling_a_line_backwards_gives_the_points_backwards(line, n_points):
    points = torch.tensor(line)
    there, back = resample(points, n_points), resample(points.flip(0), n_points).flip(0)
    torch.testing.assert_close(there, back, rtol=0, atol=2e-2)


# Varying -------------------------------------------------------------------------------------


def test_variation_of_strength_0_is_the_identity(drawings):
    same = vary(drawings, torch.Generator().manual_seed(0), strength=0)
    torch.testing.assert_close(same, drawings, rtol=0, atol=1e-4)


def test_variation_depends_on_the_generator_alone(drawings):
    first, again, other = (vary(drawings, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, again) and not torch.isclose(first, other).all(-1).any()


def test_variation_grows_with_its_strength(drawings):
    moved = [
        (vary(drawings, torch.Generator().manual_seed(0), strength) - drawings).norm(dim=-1).mean()
        for strength in (0.25, 0.5, 1.0, 2.0)
    ]
    assert moved == sorted(moved) and moved[0] > 0 and moved[2] < BOX / 5  # and leaves the character legible


def test_strokes_and_drawings_vary_each_in_their_own_way(drawings):
    same = drawings[:1, :1].expand(3, 2, 5, 2)
    varied = vary(same, torch.Generator().manual_seed(0)).flatten(0, 1)
    assert len({tuple(stroke.flatten().tolist()) for stroke in varied}) == 6
