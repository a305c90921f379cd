"""The posterior widget of lesson 09: its numbers are the learner's; its picture, its words."""

import io

import pytest
import torch
from PIL import Image

from metalearn_course import datasets, nets
from metalearn_course.evaluation import calibration
from metalearn_course.learners import ABML
from metalearn_course.lessons.explorers import PosteriorExplorer
from metalearn_course.lessons.widgets import PosteriorView
from metalearn_course.sampling import EpisodeSampler


@pytest.fixture(scope="module")
def explorer() -> PosteriorExplorer:
    g = torch.Generator().manual_seed(0)
    pictures = torch.randint(0, 256, (8, 6, 1, 28, 28), generator=g)
    images = datasets.from_tensors("noisy", pictures.flatten(0, 1).byte(), [6] * 8, [f"c{i}" for i in range(8)])
    torch.manual_seed(0)
    learner = ABML(nets.Conv4(hidden=4), n_way=3, init_log_var=-3.0, test_samples=4)
    return PosteriorExplorer(learner, EpisodeSampler(images, n_way=3, k_shot=1, n_query=2), n_episodes=3, most_steps=3)


@pytest.mark.parametrize("steps", [1, 2])
def test_with_all_draws_its_figures_are_those_of_calibration(explorer, steps):
    """The same episodes, the same noise: the same numbers."""
    shown = explorer.look(4, steps)
    aliens = calibration.alien_auroc(explorer.learner, explorer.sampler, 3, "support", steps=steps)
    assert shown.auroc == pytest.approx(aliens.auroc)
    for each, entropies in ((shown.known, aliens.inside), (shown.alien, aliens.outside)):
        torch.testing.assert_close(calibration.entropy(each.mean(0)), entropies[0], rtol=1e-3, atol=1e-4)


def test_fewer_draws_are_the_first_of_more(explorer):
    few, many = explorer.look(2, 1), explorer.look(4, 1)
    assert few.known.shape == (2, 3)
    assert torch.equal(few.known, many.known[:2])
    torch.testing.assert_close(many.known.sum(-1), torch.ones(4))


def test_every_control_changes_picture_and_words(explorer):
    view = PosteriorView(explorer)
    for name, value in (("samples", 3), ("steps", 2), ("task", 1)):
        before = view.picture.value, view.summary.value
        getattr(view, name).value = value
        assert view.picture.value != before[0], name
        assert view.summary.value != before[1], name
        assert 'role="status"' in view.summary.value
    assert explorer.look(3, 2, 1).summary in view.summary.value
    assert Image.open(io.BytesIO(view.picture.value)).size == (720, 288)


def test_what_cannot_be_shown_is_refused(explorer):
    with pytest.raises(ValueError, match="1 to 4"):
        explorer.look(5, 1)
    with pytest.raises(ValueError, match="0 to 3"):
        explorer.look(1, 4)
    with pytest.raises(ValueError, match="a task to show"):
        PosteriorExplorer(explorer.learner, explorer.sampler, n_episodes=0)
