"""The widget of lesson 08: its pictures are the learner's, its accuracy is the learner's, its words."""

import pytest
import torch

from metalearn_course import datasets, nets
from metalearn_course.learners.vilm import VILM
from metalearn_course.lessons.explorers import GeneratedExplorer
from metalearn_course.lessons.widgets import GeneratedView
from metalearn_course.sampling import EpisodeSampler


@pytest.fixture
def explorer() -> GeneratedExplorer:
    g = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (8, 6, 1, 28, 28), generator=g)
    images = datasets.from_tensors("noise", pictures.flatten(0, 1).byte(), [6] * 8, [f"c{i}" for i in range(8)])
    sampler = EpisodeSampler(images, n_way=3, k_shot=1, n_query=4)
    torch.manual_seed(0)
    learner = VILM(nets.Conv4(hidden=8), n_way=3, hidden=4, head_steps=5)
    learner.calibrate(sampler.sample_tasks(2, 0, range(4)))
    return GeneratedExplorer(learner, sampler, n_episodes=3)


def test_pictures_and_decisions_are_the_learners(explorer):
    shown, task = explorer.look(2, 1.5), explorer.episodes.task(0)
    made = explorer.learner.generate(task.support, 2, n_way=3, temperature=1.5)
    torch.testing.assert_close(shown.pictures.flatten(0, 1), made.x)
    predictor = explorer.learner.adapt(task.support, norm="running", m=2, temperature=1.5)
    assert torch.equal(shown.right.flatten(), predictor(task.query.x).argmax(1) == task.query.y)


def test_without_generated_pictures_the_two_accuracies_agree(explorer):
    shown = explorer.look(0, 2.0)
    assert shown.pictures.shape == (3, 0, 1, 28, 28)
    assert shown.accuracy[0] == shown.accuracy[1]


def test_every_control_changes_picture_and_words(explorer):
    view = GeneratedView(explorer)
    for name, value in (("m", 2), ("temperature", 3.0), ("task", 2)):
        before = view.picture.value, view.summary.value
        getattr(view, name).value = value
        assert view.picture.value != before[0], name
        assert view.summary.value != before[1], name
        assert 'role="status"' in view.summary.value
    assert explorer.look(2, 3.0).summary in view.summary.value


def test_no_tasks_are_refused(explorer):
    with pytest.raises(ValueError, match="at least one"):
        GeneratedExplorer(explorer.learner, explorer.sampler, n_episodes=0)
