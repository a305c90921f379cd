"""The widget of lesson 12: what it finds is what the learner says; its picture and its words."""

import time

import pytest
import torch
from helpers import assert_comes_back

from metalearn_course.applications import kanji_descriptions
from metalearn_course.applications.zero_shot import ProtoNetZero
from metalearn_course.datasets import kanji_parts
from metalearn_course.lessons.explorers import ZeroShotExplorer
from metalearn_course.lessons.widgets import ZeroShotView


@pytest.fixture(scope="module")
def explorer(kanji) -> ZeroShotExplorer:
    made = kanji_parts.load_compositions(most=9)
    columns = kanji_descriptions.vocabulary([kanji_descriptions.words(made[name]) for name in kanji.names], fewest=2)
    torch.manual_seed(0)
    return ZeroShotExplorer(ProtoNetZero(len(columns), channels=(4, 4, 4, 8)), columns, kanji, made, unseen=["杏"])


def test_the_nearest_are_those_of_the_learner(explorer, kanji):
    shown = explorer.look([("木", "top"), ("口", "bottom")], n=5)
    words = kanji_descriptions.words(explorer.made["杏"])
    x = kanji.pictures(torch.arange(len(kanji))[None], torch.zeros(1, len(kanji), 1, dtype=torch.long))[0, :, 0]
    with torch.no_grad():
        similarity = explorer.net(x, kanji_descriptions.encode([words], explorer.columns))[:, 0] / 10
    best, order = similarity.topk(5)
    torch.testing.assert_close(shown.similarities, best)
    assert shown.names == tuple(kanji.names[c] for c in order.tolist())
    torch.testing.assert_close(shown.pictures, x[order])


def test_it_says_what_is_unseen_and_what_is_as_described(explorer, kanji):
    shown = explorer.look([("木", "top"), ("口", "bottom")], n=len(kanji))
    assert [name for name, unseen in zip(shown.names, shown.unseen) if unseen] == ["杏"]
    assert [name for name, exact in zip(shown.names, shown.exact) if exact] == ["杏"]
    assert "木 top, 口 bottom" in shown.summary and "杏" in shown.summary


def test_common_parts_are_characters_that_many_others_contain(explorer):
    parts = explorer.common_parts(20)
    assert len(parts) == 20 and {"口", "木", "日"} <= set(parts) <= set(explorer.made)


def test_every_control_changes_picture_and_words(explorer):
    view = ZeroShotView(explorer)
    for name, value in (("first", "日"), ("second", "木"), ("arrangement", "side by side")):
        before = view.picture.value, view.summary.value
        getattr(view, name).value = value
        assert view.picture.value != before[0] and view.summary.value != before[1], name
        assert 'role="status"' in view.summary.value
    assert "日 left, 木 right" in view.summary.value


def test_a_choice_comes_back_as_it_was(explorer):
    view = ZeroShotView(explorer)
    assert_comes_back(view.arrangement, view.picture, other="side by side")


def test_it_answers_while_a_reader_waits(explorer):
    view, times = ZeroShotView(explorer), []
    for first in ("日", "口", "土"):
        start = time.perf_counter()
        view.first.value = first
        times.append(time.perf_counter() - start)
    assert min(times) < 1.0
