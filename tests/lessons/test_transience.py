"""In context or in weights: what is drawn, what is counted, and that a short run learns one of them."""

import pytest
import torch

from metalearn_course import ledger
from metalearn_course.lessons import transience
from metalearn_course.lessons.transience import N_LABELS, Features, draw, fixed_labels, measure, train


@pytest.fixture
def features() -> Features:
    """Classes that lie far apart."""
    g = torch.Generator().manual_seed(0)
    known, new = (torch.randn(n, 1, 24, generator=g) for n in (100, 40))
    noisy = [centres + 0.1 * torch.randn(len(centres), 6, 24, generator=g) for centres in (known, known, new)]
    return Features(*noisy)


def of_class(pictures, features):
    """The class of each picture."""
    centres = features.mean(1)
    return torch.cdist(pictures, centres.expand(len(pictures), -1, -1)).argmin(-1)


@pytest.mark.parametrize("bursty", [0.0, 0.5, 1.0])
def test_bursty_contexts_show_the_classes_asked_for_and_the_others_do_not(features, bursty):
    labels = fixed_labels(100)
    contexts = draw(features.train, labels, 400, bursty, torch.Generator().manual_seed(0))
    known, asked = (of_class(part, features.train) for part in (contexts.known, contexts.asked))
    shown = (known == asked).all(-1)
    assert shown.float().mean().item() == pytest.approx(bursty, abs=0.1)
    apart = (known.unsqueeze(-1) != asked.unsqueeze(-2)).flatten(1).all(-1)
    assert (shown ^ apart).all()
    assert torch.equal(contexts.labels, labels[known]) and torch.equal(contexts.answers, labels[asked])


def test_a_query_is_never_a_picture_of_its_context(features):
    contexts = draw(features.train, fixed_labels(100), 400, 1.0, torch.Generator().manual_seed(0))
    assert not (contexts.known == contexts.asked).all(-1).any()


def test_every_label_is_used_about_equally_often():
    assert fixed_labels(100).bincount(minlength=N_LABELS).tolist() == [4] * 4 + [3] * 28


def test_a_learner_that_reads_the_context_and_one_that_knows_by_heart_are_told_apart(features, monkeypatch):
    labels = fixed_labels(100)

    def reading(learner, contexts):
        nearest = torch.cdist(contexts.asked, contexts.known).argmin(-1)
        return torch.nn.functional.one_hot(contexts.labels.gather(-1, nearest), N_LABELS)

    def by_heart(learner, contexts):
        return torch.nn.functional.one_hot(labels[of_class(contexts.asked, features.train)], N_LABELS)

    monkeypatch.setattr(transience, "scores", reading)
    found = measure(None, features, labels)
    assert found["context"] == found["swapped_context"] == 1 and found["weights"] < 0.3
    monkeypatch.setattr(transience, "scores", by_heart)
    found = measure(None, features, labels)
    assert found["weights"] == found["swapped_weights"] == 1 and found["context"] < 0.3


def test_few_classes_are_learned_by_heart(features):
    few = features._replace(train=features.train[:10], held=features.held[:10])
    _, curve = train(few, bursty=1.0, n_steps=300, every=300)
    assert curve[-1]["swapped_weights"] > 0.8 > curve[-1]["swapped_context"]


def test_a_long_run_is_written_once(features, tmp_path, monkeypatch):
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path))
    monkeypatch.setattr(transience, "kanji", lambda: features)
    transience.main(1, n_steps=2, every=1)
    found = ledger.measured("incontext")
    assert [*found] == ["transience-seed1"]
    assert [point["step"] for point in found["transience-seed1"]["curve"]] == [1, 2]
    monkeypatch.setattr(transience, "train", lambda *arguments: pytest.fail("measured twice"))
    transience.main(1, n_steps=2, every=1)
