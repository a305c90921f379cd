"""ImageClasses: the table of classes, splits by group, rotations."""

import numpy as np
import pytest
import torch

from metalearn_course import datasets
from metalearn_course.datasets import from_tensors

GROUPS = [f"group {c // 2}" for c in range(40)]  # 20 groups of two classes


@pytest.fixture
def paired(numbered):
    return numbered([3] * 40, GROUPS)


# Reading pictures ----------------------------------------------------------------------------


def test_pictures_are_the_rows_of_their_class(numbered, rows_of):
    images = numbered([2, 300, 5])
    classes, numbers = torch.tensor([[2, 0], [1, 2]]), torch.tensor([[[4, 0], [1, 0]], [[299, 7], [2, 2]]])
    x = images.pictures(classes, numbers)
    assert x.shape == (2, 2, 2, 1, 2, 2) and x.dtype == torch.float32
    assert rows_of(x).tolist() == [[[306, 302], [1, 0]], [[301, 9], [304, 304]]]


def test_ink_of_255_is_drawn_as_one_and_paper_of_0_as_zero():
    images = from_tensors("two", torch.tensor([0, 255], dtype=torch.uint8).view(2, 1, 1, 1), [1, 1], "ab")
    assert images.pictures(torch.tensor([[0, 1]]), torch.zeros(1, 2, 1).long()).flatten().tolist() == [0, 1]


def test_a_selection_keeps_the_pictures_names_and_groups_of_its_classes(paired, rows_of):
    chosen = paired.select([7, 2])
    assert chosen.names == ("class 7", "class 2") and chosen.groups == ("group 3", "group 1")
    assert rows_of(chosen.pictures(torch.tensor([[0, 1]]), torch.tensor([[[1], [2]]]))).flatten().tolist() == [22, 8]
    assert chosen.images is paired.images and chosen.hash == paired.hash


def test_small_classes_can_be_left_out(numbered):
    assert numbered([2, 5, 4, 1]).with_at_least(4).names == ("class 1", "class 2")


def test_the_hash_tells_pictures_counts_and_names_apart():
    pixels = torch.arange(16, dtype=torch.uint8).view(4, 1, 2, 2)
    made = [
        from_tensors("a", pixels, [2, 2], ["x", "y"]),
        from_tensors("a", 255 - pixels, [2, 2], ["x", "y"]),
        from_tensors("a", pixels, [1, 3], ["x", "y"]),
        from_tensors("a", pixels, [2, 2], ["x", "z"]),
    ]
    assert len({images.hash for images in made}) == 4
    assert from_tensors("a", pixels.clone(), [2, 2], ["x", "y"]).hash == made[0].hash


def test_counts_names_and_groups_must_fit_the_pictures():
    pixels = torch.zeros(4, 1, 2, 2, dtype=torch.uint8)
    with pytest.raises(ValueError, match="4 pictures, counts for 5"):
        from_tensors("a", pixels, [2, 3], ["x", "y"])
    with pytest.raises(ValueError, match="3 class names"):
        from_tensors("a", pixels, [2, 2], ["x", "y", "z"])
    with pytest.raises(ValueError, match="1 groups for 2 classes"):
        from_tensors("a", pixels, [2, 2], ["x", "y"], ["g"])
    with pytest.raises(ValueError, match="uint8"):
        from_tensors("a", pixels.float(), [2, 2], ["x", "y"])


def test_an_unknown_dataset_name_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match='unknown dataset \'mnist\'.*"kanji", .*"omniglot", .*or "folder:PATH"'):
        datasets.load("mnist")


# Splits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("sizes", [None, (0.5, 0.25, 0.25), (12, 4, 4)])
def test_a_split_is_disjoint_by_group_and_loses_no_class(paired, sizes):
    parts = paired.split(seed=3, sizes=sizes)
    assert all(len(part) for part in parts)
    assert sorted(name for part in parts for name in part.names) == sorted(paired.names)
    assert sum(len(set(part.groups)) for part in parts) == 20  # no group is in two parts


def test_shares_and_counts_of_a_split_count_groups(paired):
    assert [len(set(p.groups)) for p in paired.split(sizes=(0.5, 0.2, 0.3))] == [10, 4, 6]
    assert [len(set(p.groups)) for p in paired.split(sizes=(5, 3, 12))] == [5, 3, 12]


@pytest.mark.parametrize("n_groups", range(1, 12))
def test_shares_are_rounded_without_losing_a_group(numbered, n_groups):
    for sizes in ((0.5, 0.5, 0), (0.65, 0.1, 0.25), (0, 0, 1), (1 / 3, 1 / 3, 1 / 3)):
        parts = numbered([1] * n_groups).split(sizes=sizes)
        assert sum(map(len, parts)) == n_groups
        assert all(abs(len(part) - share * n_groups) <= 1 for part, share in zip(parts, sizes))


def test_counts_below_the_number_of_groups_leave_the_rest_out(paired):
    assert [len(set(p.groups)) for p in paired.split(sizes=(5, 3, 2))] == [5, 3, 2]


def test_a_split_depends_on_its_seed_alone(paired):
    first, again, other = (paired.split(seed=seed) for seed in (1, 1, 2))
    assert [p.names for p in first] == [p.names for p in again]
    assert [p.names for p in first] != [p.names for p in other]


def test_an_official_split_tests_on_the_authors_groups(numbered):
    official = frozenset(f"group {g}" for g in range(8))
    images = numbered([3] * 40, GROUPS, official_test=official, split_sizes=(10, 2, 8))
    train, val, test = images.split(official=True)
    assert set(test.groups) == official
    assert len(set(val.groups)) == 2 and len(set(train.groups)) == 10
    assert not (set(train.groups) | set(val.groups)) & official and not set(train.groups) & set(val.groups)


def test_an_official_split_is_refused_where_there_is_none(paired):
    with pytest.raises(ValueError, match="numbered has no official split; use official=False"):
        paired.split(official=True)


@pytest.mark.parametrize("sizes", [(10, 5, 6), (0.5, 0.2, 0.2), (1.5, 2, 3)])
def test_split_sizes_that_cannot_be_had_are_refused(paired, sizes):
    with pytest.raises(ValueError, match="sum of at most 20 .*or shares that add up to 1"):
        paired.split(sizes=sizes)


@pytest.mark.parametrize("sizes", [(10, 10), (5, 5, 5, 5), (12, -2, 10)])
def test_split_sizes_are_three_numbers_and_not_negative(paired, sizes):
    with pytest.raises(ValueError, match="give three numbers, for training, validation and test"):
        paired.split(sizes=sizes)


# Rotations -----------------------------------------------------------------------------------


def test_rotations_make_four_classes_of_each_in_the_same_group(noisy):
    rotated = noisy.with_rotations()
    assert len(rotated) == 32 and len(set(rotated.names)) == 32
    for name, group in zip(rotated.names, rotated.groups):
        assert name.split("@")[0] == group
    assert set(rotated.groups) == set(noisy.groups)


def test_rotated_pictures_are_turned_as_numpy_turns_them(noisy):
    rotated, numbers = noisy.with_rotations(), torch.arange(3).expand(1, 8, 3)
    upright = noisy.pictures(torch.arange(8).view(1, 8), numbers).numpy()
    for name, classes in (("@0", 0), ("@90", 8), ("@180", 16), ("@270", 24)):
        assert all(n.endswith(name) for n in rotated.names[classes : classes + 8])
        turned = rotated.pictures(torch.arange(classes, classes + 8).view(1, 8), numbers).numpy()
        np.testing.assert_array_equal(turned, np.rot90(upright, classes // 8, axes=(-2, -1)))


def test_drawing_rotated_pictures_leaves_the_stored_ones_alone(noisy):
    before = noisy.images.clone()
    noisy.with_rotations().pictures(torch.arange(32).view(2, 16), torch.zeros(2, 16, 1).long())
    assert torch.equal(noisy.images, before)


def test_a_split_after_rotation_keeps_groups_together(noisy):
    parts = noisy.with_rotations().split(sizes=(4, 2, 2))
    assert [len(part) for part in parts] == [16, 8, 8]
    for part in parts:
        assert all(part.groups.count(group) == 4 for group in part.groups)


def test_a_rotated_split_turns_the_same_pictures_as_the_whole(noisy):
    rotated = noisy.with_rotations()
    part = rotated.split(seed=1)[0]
    wanted = torch.tensor([[rotated.names.index(name) for name in part.names]])
    zero = torch.zeros(1, len(part), 1).long()
    assert torch.equal(part.pictures(torch.arange(len(part)).unsqueeze(0), zero), rotated.pictures(wanted, zero))


def test_what_cannot_be_rotated_is_refused(noisy):
    with pytest.raises(ValueError, match="rotated already"):
        noisy.with_rotations().with_rotations()
    wide = from_tensors("wide", torch.zeros(2, 1, 4, 6, dtype=torch.uint8), [1, 1], "ab")
    with pytest.raises(ValueError, match="wide.*4x6.*square"):
        wide.with_rotations()


def test_reflections_are_the_turned_classes_in_the_mirror(noisy):
    many = noisy.with_rotations(reflections=True)
    assert len(many) == 8 * len(noisy) and len(set(many.names)) == len(many) and many.groups == noisy.groups * 8
    pictures = many.pictures(torch.arange(len(many)).view(1, -1), torch.zeros(1, len(many), 1, dtype=torch.long))
    pictures = pictures.view(8, len(noisy), 1, 5, 5)
    assert torch.equal(pictures[4], pictures[0].flip(-1))
    for turn in range(4):
        assert torch.equal(pictures[turn], torch.rot90(pictures[0], turn, (-2, -1)))
        assert torch.equal(pictures[4 + turn], torch.rot90(pictures[4], turn, (-2, -1)))
