"""A picture is known by its contents, whatever becomes of its dataset's name, order and polarity."""

import pytest
import torch

from metalearn_course import datasets
from metalearn_course.datasets import from_tensors, identity
from metalearn_course.datasets.identity import picture_ids
from metalearn_course.datasets.kanji import PER_CLASS


@pytest.fixture
def pixels():
    return torch.randint(256, (24, 1, 5, 5), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)


def test_a_picture_and_its_negative_have_one_id_and_others_have_others(pixels):
    ids = picture_ids(pixels)
    assert ids.dtype == torch.int64 and ids.shape == (24,) and (ids > 0).all()
    assert torch.equal(picture_ids(255 - pixels), ids) and len(ids.unique()) == 24
    assert not set(picture_ids(torch.rot90(pixels, 1, (-2, -1)).contiguous()).tolist()) & set(ids.tolist())


def test_constant_pictures_say_nothing():
    flat = torch.tensor([0, 7, 255], dtype=torch.uint8).view(3, 1, 1, 1).expand(3, 3, 4, 4).contiguous()
    assert picture_ids(flat).tolist() == [0, 0, 0]


def test_grey_is_grey_in_one_channel_or_three(pixels):
    assert torch.equal(picture_ids(pixels.expand(-1, 3, -1, -1).contiguous()), picture_ids(pixels))


def test_ids_are_the_same_in_every_process():
    picture = torch.arange(4, dtype=torch.uint8).view(1, 1, 2, 2)
    assert picture_ids(picture).tolist() == [8906346178086595254]


def test_ids_are_computed_once_for_all_parts_of_a_dataset(pixels, monkeypatch):
    images = from_tensors("some", pixels, [3] * 8, "abcdefgh")
    whole = images.picture_ids
    monkeypatch.setattr(identity, "_id", None)
    assert all(part.picture_ids is whole for part in images.split(sizes=(4, 2, 2)))
    assert images.with_rotations().to("cpu").picture_ids is whole


def test_a_class_is_seen_by_its_eight_smallest_ids():
    noise = torch.randint(256, (33, 1, 4, 4), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
    noise[0] = 0  # says nothing
    images = from_tensors("some", noise, [3, 30], "ab")
    ids = images.picture_ids
    wanted = torch.cat((ids[1:3], ids[3:].sort().values[:8])).sort().values
    assert torch.equal(images.seen_ids(), wanted)
    assert torch.equal(images.with_rotations().seen_ids(), wanted)  # turned, they are the same pictures
    assert torch.equal(images.select([0]).seen_ids(), ids[1:3].sort().values)
    assert images.select([]).seen_ids().tolist() == []


def test_other_names_order_polarity_and_company_hide_no_class(pixels):
    seen = from_tensors("signs", pixels, [3] * 8, "abcdefgh").select([1, 4]).seen_ids()
    more = torch.cat((pixels.flip(0), torch.full((2, 1, 5, 5), 9, dtype=torch.uint8)))  # backwards, two more at the end
    renamed = from_tensors("mine", 255 - more, [3] * 7 + [5], "ijklmnop")
    assert renamed.classes_among(seen) == [3, 6]
    assert renamed.select([6, 7, 0]).classes_among(seen) == [0]
    assert renamed.classes_among(torch.tensor([0])) == [] == renamed.classes_among(torch.zeros(0, dtype=torch.long))


def test_a_picture_that_moved_to_another_class_takes_its_id_along(pixels):
    images = from_tensors("some", pixels, [3] * 8, "abcdefgh")
    moved = from_tensors("some", pixels, [4, 2] + [3] * 6, "abcdefgh")
    assert moved.classes_among(images.select([1]).seen_ids()) == [0, 1]


def test_parts_of_a_split_do_not_know_each_other(pixels):
    images = from_tensors("some", pixels, [3] * 8, "abcdefgh").with_rotations()
    train, _, test = images.split(sizes=(4, 2, 2))
    assert train.classes_among(test.seen_ids()) == [] == test.classes_among(train.seen_ids())
    assert len(images.classes_among(test.seen_ids())) == len(test)


def test_kanji_are_known_by_character_and_number_as_processors_round_pictures_differently(kanji):
    ids = kanji.picture_ids
    assert len(ids) == len(kanji.images) == len(ids.unique()) and (ids > 0).all()
    assert int(ids[PER_CLASS + 3]) == identity.text_id("kanji", kanji.names[1], 3)


def test_omniglot_knows_its_parts(omniglot):
    train, _, test = omniglot.split(official=True)
    both = test.classes_among(train.seen_ids())
    assert both == [] and len(omniglot.classes_among(test.seen_ids())) == len(test)


def test_a_dataset_in_another_size_keeps_its_ids():
    emoji = datasets.load("emoji")
    assert torch.equal(datasets.load("emoji", size=16, channels=1).picture_ids, emoji.picture_ids)
