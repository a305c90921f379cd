"""The prototype widget of lesson 07: its plane loses nothing; its picture, its words."""

import io
import time

import pytest
import torch
from helpers import assert_comes_back
from PIL import Image

from metalearn_course import datasets, nets
from metalearn_course.evaluation.intervals import ci95
from metalearn_course.learners import ProtoNet
from metalearn_course.lessons.explorers import PrototypeExplorer
from metalearn_course.lessons.explorers.prototypes import nearest, plane
from metalearn_course.lessons.widgets import PrototypeView
from metalearn_course.sampling import EpisodeSampler


@pytest.fixture(scope="module")
def sampler() -> EpisodeSampler:
    g = torch.Generator().manual_seed(0)
    centres = torch.randint(0, 100, (8, 1, 1, 28, 28), generator=g)
    pictures = centres + torch.randint(0, 156, (8, 10, 1, 28, 28), generator=g)
    images = datasets.from_tensors("noisy", pictures.flatten(0, 1).byte(), [10] * 8, [f"c{i}" for i in range(8)])
    return EpisodeSampler(images, n_way=3, k_shot=4, n_query=5)


@pytest.fixture
def explorer(sampler) -> PrototypeExplorer:
    learners = {}
    for distance in ("euclidean", "cosine"):
        torch.manual_seed(0)
        learners[distance] = ProtoNet(nets.Conv4(hidden=8), n_way=3, distance=distance)
        learners[distance].calibrate(sampler.sample_tasks(2, 0, range(4)))
    return PrototypeExplorer(learners, sampler, n_episodes=6)


@pytest.mark.parametrize("name", ["euclidean", "cosine"])
@pytest.mark.parametrize("k_shot", [1, 3])
def test_the_nearest_prototype_in_the_plane_is_the_learners_answer(explorer, name, k_shot):
    shown, task = explorer.look(name, k_shot), explorer.episodes.task(0)
    keep = torch.arange(12).view(3, 4)[:, :k_shot].flatten()
    support = type(task.support)(task.support.x[keep], task.support.y[keep])
    logits = explorer.learners[name].adapt(support, norm="running")(task.query.x)
    assert torch.equal(shown.answers.flatten(), logits.argmax(1))
    assert torch.equal(nearest(shown.query, shown.prototypes), shown.answers)


def test_the_axes_are_orthonormal_and_the_plane_holds_the_three_points():
    points = torch.randn(3, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    origin, axes = plane(points)
    torch.testing.assert_close(axes.T @ axes, torch.eye(2, dtype=torch.float64))
    flat = (points - origin) @ axes
    torch.testing.assert_close(origin + flat @ axes.T, points)
    assert flat[0, 0].abs() < 1e-9 < flat[0, 1]


def test_prototypes_are_the_means_of_the_shots_in_use(explorer):
    shown = explorer.look("euclidean", 3)
    torch.testing.assert_close(shown.prototypes, shown.support.mean(1), rtol=1e-4, atol=1e-4)
    assert shown.support.shape == (3, 3, 2)


def test_accuracy_by_shots_is_the_learners_own(explorer):
    many = explorer.sampler.sample_tasks(1, 0, range(6))
    logits = explorer.learners["cosine"].episode_logits(many, "running")
    right = (logits.argmax(-1) == many.query.y).float().mean(1)
    mean, half = explorer.look("cosine", 4).by_shots[-1]
    torch.testing.assert_close(mean, right.mean())
    torch.testing.assert_close(half, torch.tensor(ci95(right)))


def test_every_control_changes_model_picture_and_words(explorer):
    view = PrototypeView(explorer, learner="euclidean")
    for name, value in (("shots", 3), ("task", 2), ("learner", "cosine")):
        before = view.picture.value, view.summary.value
        getattr(view, name).value = value
        assert view.picture.value != before[0], name
        assert view.summary.value != before[1], name
        assert 'role="status"' in view.summary.value
    shown = explorer.look("cosine", 3)
    assert shown.summary in view.summary.value
    assert "cosine, 3 shots, task 2" in shown.summary
    assert f"{int(shown.right.sum())} of 15" in shown.summary
    assert Image.open(io.BytesIO(view.picture.value)).size == (720, 328)


def test_a_task_comes_back_as_it_was(explorer):
    view = PrototypeView(explorer)
    assert_comes_back(view.task, view.picture, other=1)


def test_the_regions_are_those_of_the_nearest_prototype(explorer):
    view = PrototypeView(explorer)
    shown = explorer.look(view.learner.value, 1)
    left, right, bottom, top = view.regions.get_extent()
    grid, size = view.regions.get_array(), view.CELLS
    cells = ((shown.prototypes - torch.tensor([left, bottom])) / torch.tensor([right - left, top - bottom])) * size
    for label, (x, y) in enumerate(cells.long().tolist()):
        assert grid[y, x] == label


def test_it_answers_while_a_reader_waits(explorer):
    """A control's picture in the computing time of a few blinks; other work on the machine does not count."""
    view, times = PrototypeView(explorer), []
    for shots in (2, 3, 4):
        start = time.process_time()
        view.shots.value = shots
        times.append(time.process_time() - start)
    assert min(times) < 1.0


def test_what_cannot_be_shown_is_refused(explorer, sampler):
    with pytest.raises(ValueError, match="n_way=3"):
        PrototypeExplorer({}, EpisodeSampler(sampler.images, n_way=4, k_shot=1, n_query=1))
    with pytest.raises(ValueError, match="at least two"):
        PrototypeExplorer({}, sampler, n_episodes=1)
    with pytest.raises(ValueError, match="1 to 4"):
        explorer.look("cosine", 5)
