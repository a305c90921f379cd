"""The comparison on foreign features: all learners, on the same episodes, written once."""

import pytest
import torch
from helpers import easy_classes

from metalearn_course import ledger
from metalearn_course.lessons import foreign
from metalearn_course.lessons.features import FeatureClasses


@pytest.fixture
def features() -> FeatureClasses:
    """Features whose noise is large in half of the directions, which a linear layer can take away."""
    images, g = easy_classes(60, 20), torch.Generator().manual_seed(0)
    centres = torch.randn(60, 1, 12, generator=g)
    noise = torch.randn(60, 20, 12, generator=g) * torch.tensor([0.2] * 6 + [3.0] * 6)
    fields = {name: getattr(images, name) for name in images.__dataclass_fields__}
    return FeatureClasses(**fields | dict(images=(centres + noise).flatten(0, 1)[..., None, None]))


def test_what_learns_beats_what_cannot(features):
    train, _, test = features.split(sizes=(30, 5, 25))
    found = foreign.compare(train, test, n_steps=150, n_episodes=40)
    assert [*found] == [*foreign.MAKE] and found["class means"]["seconds"] == 0
    assert found["linear layer"]["5w1s"]["accuracy"] > found["class means"]["5w1s"]["accuracy"] + 0.1


def test_it_is_written_once(features, tmp_path, monkeypatch):
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path))
    monkeypatch.setattr(foreign.datasets, "load", lambda name: features)
    monkeypatch.setattr(foreign.ledger, "load_pretrained", lambda name: None)
    monkeypatch.setattr(foreign, "embed", lambda learner, images: images)
    monkeypatch.setattr(foreign, "compare", lambda *arguments: {"transformer": {}})
    foreign.main(n_steps=1, n_episodes=2)
    assert ledger.measured("incontext")["foreign"]["learners"] == {"transformer": {}}
    monkeypatch.setattr(foreign, "compare", lambda *arguments: pytest.fail("measured twice"))
    foreign.main(n_steps=1, n_episodes=2)
