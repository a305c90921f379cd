"""Descriptions, and the split for zero-shot learning: what is never seen in training, asserted on the data."""

from collections import Counter

import pytest
import torch

from metalearn_course.applications import kanji_descriptions as descriptions
from metalearn_course.datasets import kanji as module
from metalearn_course.datasets import kanji_parts
from metalearn_course.datasets.kanji_parts import Composition, Part

SMALL = dict(n_validation=40, n_test=80)  # of the usual set, which every machine has drawn

TREE_LEFT_OF_MOUTH = Composition(
    (Part("木", ("left",), 1), Part("口", ("right", "left", "bottom"), 1)), ("left", "right"), ("㇐", "㇑", "㇐"), True
)


@pytest.fixture(scope="module")
def compositions():
    return kanji_parts.load_compositions(most=9)


@pytest.fixture(scope="module")
def parts(kanji, compositions):
    return descriptions.split(kanji, compositions, **SMALL)


# Descriptions --------------------------------------------------------------------------------


def test_a_description_says_parts_places_layout_and_strokes():
    assert descriptions.words(TREE_LEFT_OF_MOUTH) == {
        "木": 1, "口": 1, "木 left": 1, "口 right": 1, "口 bottom": 1, "layout left right": 1,
        "stroke ㇐": 0.5, "stroke ㇑": 0.25, "first ㇐": 0.5, "last ㇐": 0.5,
        "3 strokes": 1, "2 strokes": 0.5, "4 strokes": 0.5,
    }  # fmt: skip


def test_an_aspect_can_be_left_out():
    assert set(descriptions.words(TREE_LEFT_OF_MOUTH, ["parts"])) == {"木", "口"}
    everything = [descriptions.words(TREE_LEFT_OF_MOUTH, [aspect]) for aspect in descriptions.ASPECTS]
    assert sum(map(len, everything)) == len(descriptions.words(TREE_LEFT_OF_MOUTH))


def test_the_outer_word_of_an_axis_counts():
    assert descriptions.places(("right", "left", "bottom", "inside")) == {"right", "bottom", "inside"}


def test_words_outside_the_vocabulary_are_dropped_and_no_word_is_made_up():
    columns = descriptions.vocabulary([{"a": 1, "b": 1}, {"b": 0.5}])
    rows = descriptions.encode([{"b": 0.5, "unknown": 1}, {}], columns)
    torch.testing.assert_close(rows, torch.tensor([[0, 0.5], [0, 0]]))


# The split -----------------------------------------------------------------------------------


def test_the_split_has_every_class_once_and_the_numbers_asked_for(kanji, parts):
    train, validation, test = parts
    assert (len(validation), len(test)) == (40, 80)
    assert sorted(train.names + validation.names + test.names) == sorted(kanji.names)


def test_no_picture_and_no_lookalike_of_an_unseen_class_is_in_training(kanji, parts):
    rows = [{r for s, n in zip(p.starts.tolist(), p.counts.tolist()) for r in range(s, s + n)} for p in parts]
    pictures = [{kanji.images[r].numpy().tobytes() for r in part} for part in rows]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not rows[one] & rows[other] and not pictures[one] & pictures[other]
        assert not set(parts[one].groups) & set(parts[other].groups)


def test_no_description_of_an_unseen_class_is_in_training(compositions, parts):
    seen = {frozenset(descriptions.words(compositions[name]).items()) for name in parts[0].names}
    for part in parts[1:]:
        unseen = [frozenset(descriptions.words(compositions[name]).items()) for name in part.names]
        assert len(set(unseen)) == len(unseen) and not seen & set(unseen)


def test_every_part_of_an_unseen_character_stands_in_ten_training_characters(compositions, parts):
    owners = Counter(p for name in parts[0].names for p in {part.name for part in compositions[name].parts})
    for name in parts[1].names + parts[2].names:
        assert compositions[name].complete and sum(part.depth == 1 for part in compositions[name].parts) >= 2
        assert min(owners[part.name] for part in compositions[name].parts) >= 10, name


def test_the_split_is_the_same_for_a_seed_and_another_for_another(kanji, compositions, parts):
    again = descriptions.split(kanji, compositions, **SMALL)
    other = descriptions.split(kanji, compositions, seed=1, **SMALL)
    assert [p.names for p in again] == [p.names for p in parts] and other[2].names != parts[2].names


# The larger set ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def larger():
    """Characters of up to 12 strokes; drawing them once takes a minute of one core."""
    return module.load(most=12)


def test_the_larger_set_contains_the_usual_one_and_has_a_name_of_its_own(kanji, larger):
    assert len(larger) > 3400 and set(kanji.names) < set(larger.names) and larger.hash != kanji.hash
    assert larger.name != kanji.name
    for name in kanji.names[::300]:
        mine, theirs = (p.select([p.names.index(name)]) for p in (larger, kanji))
        numbers = torch.arange(20).view(1, 1, 20)
        pictures = [p.pictures(torch.tensor([[0]]), numbers) for p in (mine, theirs)]
        torch.testing.assert_close(*pictures, rtol=0, atol=1.01 / 255)


def test_of_the_larger_set_400_characters_are_unseen(larger):
    compositions = kanji_parts.load_compositions()
    train, validation, test = descriptions.split(larger, compositions)
    assert (len(validation), len(test)) == (200, 400) and len(train) == len(larger) - 600
    owners = Counter(p for name in train.names for p in {part.name for part in compositions[name].parts})
    assert min(owners[p.name] for name in test.names for p in compositions[name].parts) >= 10
    assert not set(train.groups) & (set(test.groups) | set(validation.groups))
