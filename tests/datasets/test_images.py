"""ImageClasses: the table of classes, splits by group, rotations."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

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


@pytest.mark.parametrize("kind", [list, tuple, np.array, torch.tensor, iter])
def test_classes_are_selected_by_index_or_by_mask_in_any_usual_form(paired, kind):
    mask = [c in (2, 7) for c in range(40)]
    assert paired.select(kind(mask)).names == ("class 2", "class 7") == paired.select(kind([2, 7])).names
    assert paired.select(range(38, 40)).names == paired.select([-2, -1]).names == ("class 38", "class 39")
    assert len(paired.select(kind([False] * 40))) == len(paired.select([])) == 0


@pytest.mark.parametrize(
    "classes, message",
    [
        ([True, False], "mask with a bool for each of the 40 classes"),
        ([0.0, 1.0], "float32.*give a list of class indices"),
        ([[0, 1]], r"shape \(1, 2\)"),
        ([0, 40], "class index 40 is out of range: there are 40 classes"),
        ([-41], "class index 41 is out of range"),
        (["class 1"], "neither class indices nor a mask"),
        ([None], "neither class indices nor a mask"),
    ],
)
def test_what_selects_no_classes_is_refused(paired, classes, message):
    with pytest.raises(ValueError, match=message):
        paired.select(classes)


# What else is known of classes and pictures --------------------------------------------------


@pytest.fixture
def described(numbered):
    """Twelve classes of three pictures by three people, in three families of two subgroups."""
    return numbered(
        [3] * 12,
        families=[f"family {c // 4}" for c in range(12)],
        subgroups=[f"subgroup {c // 2}" for c in range(12)],
        descriptions=[(f"word {c}", "all") for c in range(12)],
        styles=["ann", "bob", "cyn"] * 12,
    )


def test_families_subgroups_and_descriptions_go_with_their_classes(described):
    for images in (described.select([5, 9]), described.with_at_least(3).select([5, 9]).to("cpu")):
        assert images.families == ("family 1", "family 2") and images.subgroups == ("subgroup 2", "subgroup 4")
        assert images.descriptions == (("word 5", "all"), ("word 9", "all"))
    for part in described.split(seed=1):
        assert part.families == tuple(f"family {int(name.split()[1]) // 4}" for name in part.names)
    turned = described.with_rotations()
    assert turned.families == described.families * 4 and turned.descriptions[13] == ("word 1", "all")


def test_styles_belong_to_pictures_and_stay_in_their_rows(described):
    for images in (described.select([5]), described.with_rotations(), *described.split()):
        assert images.styles is described.styles and images.images is described.images


def test_what_a_dataset_does_not_know_is_empty(paired):
    part = paired.with_rotations().select([1, 2])
    assert part.families == part.subgroups == part.descriptions == part.styles == ()


@pytest.mark.parametrize("field, length", [("families", 12), ("subgroups", 12), ("descriptions", 12), ("styles", 36)])
def test_tables_of_another_length_are_refused(numbered, field, length):
    with pytest.raises(ValueError, match=f"2 {field} for {length} (classes|pictures); give one for each"):
        numbered([3] * 12, **{field: ["a", "b"]})


def test_omniglot_knows_alphabets_and_drawers(omniglot):
    assert len(set(omniglot.families)) == 50 and len(set(omniglot.styles)) == 20
    assert all(name.startswith(f"{family}/") for name, family in zip(omniglot.names, omniglot.families))
    train, _, test = omniglot.split(official=True)
    assert not set(train.families) & set(test.families)


def test_a_part_of_omniglot_can_be_split(omniglot):
    assert [len(part) for part in omniglot.select(range(200)).split()] == [136, 12, 52]


def test_kanji_know_components_and_the_most_common_one_is_the_family(kanji):
    family, words = dict(zip(kanji.names, kanji.families)), dict(zip(kanji.names, kanji.descriptions))
    assert family["明"] == "日" == family["日"] and "月" in words["明"]
    assert family["休"] == "亻" and set(words["休"]) >= {"亻", "木"}
    assert not set(kanji.families) & set("丨丶丿乙亅")
    assert all(f in words[name] or f == name for name, f in family.items())


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


def test_the_datasets_own_counts_become_shares_where_they_no_longer_fit(numbered):
    images = numbered([3] * 30, split_sizes=(20, 4, 6))
    assert [len(part) for part in images.split()] == [20, 4, 6]
    assert [len(part) for part in images.select(range(15)).split()] == [10, 2, 3]
    with pytest.raises(ValueError, match="sum of at most 15"):
        images.select(range(15)).split(sizes=(20, 4, 6))


@pytest.mark.parametrize("n, wanted", [(3, (1, 1, 1)), (5, (3, 1, 1)), (6, (2, 2, 2)), (8, (4, 2, 2)), (14, (9, 2, 3))])
def test_few_classes_leave_no_part_empty(numbered, n, wanted):
    assert tuple(len(part) for part in numbered([3] * n).split()) == wanted


def test_parts_are_empty_only_where_that_is_asked_for(numbered):
    assert [len(part) for part in numbered([3] * 6).split(sizes=(4, 0, 2))] == [4, 0, 2]
    assert [len(part) for part in numbered([3] * 4).split(sizes=(0.5, 0, 0.5))] == [2, 0, 2]
    assert [len(part) for part in numbered([3] * 4, split_sizes=(0.9, 0, 0.1)).split()] == [2, 0, 2]
    with pytest.raises(ValueError, match=r"2 groups of classes are too few.*\(2, 0, 0\)"):
        numbered([3] * 2).split()


def test_a_split_by_family_or_subgroup_keeps_these_together(described):
    for by, field, n in (("family", "families", 3), ("subgroup", "subgroups", 6)):
        for seed in range(5):
            parts = [set(getattr(part, field)) for part in described.split(seed=seed, by=by)]
            assert sum(map(len, parts)) == len(set().union(*parts)) == n and all(parts)
    assert [len(p) for p in described.split(by="family", sizes=(2, 0, 1))] == [8, 0, 4]


def test_a_group_that_spans_families_goes_with_its_first_class(numbered):
    images = numbered([3] * 4, ["g", "h", "i", "g"], families=["a", "b", "c", "c"])
    for seed in range(6):
        assert sum({"class 0", "class 3"} <= set(part.names) for part in images.split(seed=seed, by="family")) == 1


def test_other_ways_to_split_are_refused(paired, described):
    with pytest.raises(ValueError, match="numbered does not say the family of its classes"):
        paired.split(by="family")
    with pytest.raises(ValueError, match='by=\'name\': choose "group", "subgroup" or "family"'):
        described.split(by="name")
    with pytest.raises(ValueError, match="official=True is a split by group"):
        described.split(by="family", official=True)


@given(data=st.data(), by=st.sampled_from(["group", "subgroup", "family"]), seed=st.integers(0, 2**31))
def test_any_split_is_disjoint_by_group_and_complete(data, by, seed):
    n = data.draw(st.integers(1, 25))
    some = lambda letters: data.draw(st.lists(st.sampled_from(letters), min_size=n, max_size=n))  # noqa: E731
    groups, tables = some("abcdefghijkl"), dict(subgroups=some("mnop"), families=some("qrst"))
    pixels = torch.zeros(n, 1, 1, 1, dtype=torch.uint8)
    images = from_tensors("some", pixels, [1] * n, range(n), groups, "", **tables)
    units = len(set(images._units(by)))
    half = units // 2
    sizes = data.draw(st.sampled_from([None, (0.5, 0, 0.5), (1, 0, 0), (units, 0, 0), (half, 0, units - half)]))
    if sizes is None and units < 3:
        with pytest.raises(ValueError, match="too few"):
            images.split(seed, by=by)
        return
    parts = images.split(seed, sizes, by=by)
    assert sorted(name for part in parts for name in part.names) == list(range(n))
    assert sum(len(set(part.groups)) for part in parts) == len(set(groups))
    assert sizes or all(len(part) for part in parts)
    assert [part.names for part in images.split(seed, sizes, by=by)] == [part.names for part in parts]


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


def test_rotated_pictures_are_those_that_a_loop_would_turn(noisy):
    rotated = noisy.with_rotations()
    classes = torch.randint(32, (5, 6), generator=torch.Generator().manual_seed(0))
    numbers = torch.randint(3, (5, 6, 2), generator=torch.Generator().manual_seed(1))
    x = rotated.pictures(classes, numbers)
    for place in np.ndindex(5, 6, 2):
        c, number = int(classes[place[:2]]), int(numbers[place])
        upright = noisy.images[int(rotated.starts[c]) + number]
        assert torch.equal(x[place], torch.rot90(upright, c // 8, (-2, -1)) / 255)


def test_pictures_are_gathered_without_reading_anything_back(noisy):
    """On the meta device nothing has a value, so whatever waited for one would fail."""
    rotated = noisy.with_rotations().to("meta")
    assert rotated.pictures(torch.zeros(2, 3).long(), torch.zeros(2, 3, 1).long()).shape == (2, 3, 1, 1, 5, 5)


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
