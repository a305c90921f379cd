"""The zero-shot tasks on real data, and the ledger's measurements of them, in small."""

import json

import pytest
import torch

from metalearn_course.applications import zero_shot_emoji, zero_shot_kanji, zero_shot_ledger
from metalearn_course.applications.zero_shot import ProtoNetZero, fit


@pytest.fixture(scope="module")
def kanji_task():
    return zero_shot_kanji.load(most=9, n_validation=40, n_test=80)


@pytest.fixture(scope="module")
def emoji_task():
    return zero_shot_emoji.load()


@pytest.fixture(params=["kanji_task", "emoji_task"])
def task(request):
    return request.getfixturevalue(request.param)


def test_every_word_is_one_of_training_classes(task):
    used = (task.train.descriptions > 0).sum(0)
    assert len(task.columns) == len(used) and used.min() >= 2


def test_no_picture_of_an_unseen_class_is_among_the_training_pictures(task):
    train, *unseen = (set(_ids(part.images)) for part in task[:3])
    assert all(not train & part for part in unseen)


def _ids(images) -> list[int]:
    rows = [range(s, s + n) for s, n in zip(images.starts.tolist(), images.counts.tolist())]
    return [int(images.ids[row]) for part in rows for row in part]


def test_what_is_trained_on_is_apart_from_what_is_chosen_and_tested_on():
    parts = [set(zero_shot_kanji.TRAINED_ON), set(zero_shot_kanji.CHOSEN_ON), set(zero_shot_kanji.TESTED_ON)]
    assert sum(map(len, parts)) == len(set.union(*parts)) == 20


def test_a_little_training_beats_chance_by_far_and_everything_is_measured(kanji_task):
    torch.manual_seed(0)
    net = ProtoNetZero(len(kanji_task.columns), dim=64, channels=(8, 16, 16, 32))
    fit(net, kanji_task.train, 80, batch=64, n_way=256, lr=5e-3, numbers=zero_shot_kanji.TRAINED_ON)
    figures = zero_shot_kanji.measure(zero_shot_kanji.embed_task(net, kanji_task))
    assert figures["top1"]["accuracy"] > 3 / 80 and figures["top5"]["accuracy"] > figures["top1"]["accuracy"]
    assert figures["5-way"]["accuracy"] > figures["50-way"]["accuracy"]
    plain, calibrated = figures["generalised"]["plain"], figures["generalised"]["calibrated"]
    assert plain["constant"] == 0 and calibrated["unseen"] >= plain["unseen"]
    json.dumps(figures)


def test_a_learner_comes_back_from_the_ledger(kanji_task, tmp_path, monkeypatch):
    monkeypatch.setenv("METALEARN_RESULTS", str(tmp_path))
    torch.manual_seed(0)
    net = ProtoNetZero(len(kanji_task.columns), dim=8, channels=(4, 4, 4, 4)).eval()
    zero_shot_ledger.save("some", net, kanji_task)
    again, columns = zero_shot_ledger.load("some")
    assert columns == kanji_task.columns
    x = kanji_task.test.images.pictures(torch.arange(5)[None], torch.zeros(1, 5, 1, dtype=torch.long))[0, :, 0]
    torch.testing.assert_close(again.embed(x), net.embed(x), atol=1e-2, rtol=1e-2)  # kept in half precision


def test_keywords_are_words_without_marks():
    class Images:
        names, descriptions = ["Rock & roll: band"], [("guitar-hero", "band")]

    found = zero_shot_emoji.keywords(Images)
    assert found == [dict.fromkeys(["rock", "roll", "band", "guitar", "hero"], 1.0)]


def test_augmenting_mirrors_and_moves_and_changes_nothing_else():
    x = torch.zeros(64, 3, 32, 32)
    x[..., 10:20, 5:9] = 1
    made = zero_shot_emoji.augment(x, torch.Generator().manual_seed(0))
    assert made.shape == x.shape and (made.sum((1, 2, 3)) == x[0].sum()).all()
    left = made[..., :16].sum((1, 2, 3)) > made[..., 16:].sum((1, 2, 3))
    assert 10 < left.sum() < 54


def test_every_entry_has_its_command():
    assert all(callable(make) for make in zero_shot_ledger.PLAN.values())
    assert zero_shot_ledger.MAIN in zero_shot_ledger.PLAN
