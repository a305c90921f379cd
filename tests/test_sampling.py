"""Episodes are what they say: right pictures, hidden labels, no picture twice, the same for a seed."""

import time

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from metalearn_course import datasets
from metalearn_course.datasets import from_tensors
from metalearn_course.datasets.augment import Augment
from metalearn_course.sampling import EpisodeSampler, task_generator


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def unequal(numbered):
    """Seven classes, 5 to 11 pictures each."""
    return numbered([5, 6, 7, 8, 9, 10, 11])


# What an episode holds -----------------------------------------------------------------------


def test_shapes_and_types_are_as_promised(numbered):
    episodes = EpisodeSampler(numbered([20] * 12), n_way=5, k_shot=2, n_query=7).sample(3, generator())
    assert episodes.support.x.shape == (3, 10, 1, 2, 2) and episodes.support.x.dtype == torch.float32
    assert episodes.query.x.shape == (3, 35, 1, 2, 2) and episodes.query.x.dtype == torch.float32
    assert episodes.support.y.shape == (3, 10) and episodes.query.y.shape == (3, 35)
    assert episodes.support.y.dtype == episodes.query.y.dtype == episodes.classes.dtype == torch.int64
    assert episodes.classes.shape == (3, 5) and (episodes.n_tasks, episodes.n_way) == (3, 5)
    assert episodes.query.x.min() >= 0 and episodes.query.x.max() <= 1


def test_every_label_has_k_shot_support_and_n_query_query_pictures(unequal):
    episodes = EpisodeSampler(unequal, n_way=4, k_shot=2, n_query=3).sample(5, generator())
    for labelled, count in ((episodes.support, 2), (episodes.query, 3)):
        assert (torch.nn.functional.one_hot(labelled.y, 4).sum(1) == count).all()


def test_label_i_stands_for_the_pictures_of_class_i_of_the_task(unequal, rows_of):
    episodes = EpisodeSampler(unequal, n_way=4, k_shot=2, n_query=3).sample(200, generator())
    for x, y in (episodes.support, episodes.query):
        said = episodes.classes.gather(1, y)  # the class behind each picture's label
        shown = torch.searchsorted(unequal.starts, rows_of(x), right=True) - 1  # the class its pixels tell
        assert torch.equal(said, shown)


def test_no_picture_is_drawn_twice_in_a_task(unequal, rows_of):
    episodes = EpisodeSampler(unequal, n_way=7, k_shot=2, n_query=3).sample(200, generator())
    rows = rows_of(torch.cat((episodes.support.x, episodes.query.x), 1))
    assert all(len(set(task)) == 35 for task in rows.tolist())


def test_a_class_has_other_labels_in_other_tasks(numbered):
    classes = EpisodeSampler(numbered([3] * 5), n_way=5, k_shot=1, n_query=1).sample(400, generator()).classes
    for label in range(5):
        share = classes[:, label].bincount(minlength=5) / 400
        assert (share - 0.2).abs().max() < 0.1  # five standard deviations of a fair draw


def test_every_class_and_every_picture_is_drawn_equally_often(unequal):
    classes, numbers = EpisodeSampler(unequal, n_way=2, k_shot=1, n_query=2).draw(7000, generator())
    share = classes.flatten().bincount(minlength=7) / 14000
    assert (share - 1 / 7).abs().max() < 0.02
    for c, count in enumerate(unequal.counts.tolist()):
        drawn = numbers[classes == c][:, 0].bincount()
        assert len(drawn) == count and (drawn / drawn.sum() - 1 / count).abs().max() < 0.05


def test_the_smallest_class_gives_all_it_has_and_never_more(unequal):
    classes, numbers = EpisodeSampler(unequal, n_way=7, k_shot=2, n_query=3).draw(300, generator())
    assert (numbers < unequal.counts[classes].unsqueeze(-1)).all()
    assert (numbers[classes == 0].sort(-1).values == torch.arange(5)).all()


# Groups and rotations ------------------------------------------------------------------------


def test_a_task_holds_no_two_classes_of_a_group(numbered):
    images = numbered([3] * 12, ["a", "b", "b", "c", "c", "c", "d", "d", "d", "d", "e", "f"])
    classes = EpisodeSampler(images, n_way=6, k_shot=1, n_query=1).sample(200, generator()).classes
    for task in classes.tolist():
        assert len({images.groups[c] for c in task}) == 6
    assert set(classes.flatten().tolist()) == set(range(12))  # though over tasks each of them comes up


def test_a_task_of_rotated_classes_holds_each_character_once(noisy):
    rotated = noisy.with_rotations()
    classes = EpisodeSampler(rotated, n_way=8, k_shot=1, n_query=1).sample(100, generator()).classes
    assert all(len({rotated.groups[c] for c in task}) == 8 for task in classes.tolist())
    assert set(classes.flatten().tolist()) == set(range(32))


def test_a_task_of_rotated_classes_shows_turned_pictures(noisy):
    rotated = noisy.with_rotations()
    sampler = EpisodeSampler(rotated, n_way=4, k_shot=1, n_query=2)
    classes, numbers = sampler.draw(20, generator())
    support = sampler.gather(classes, numbers).support
    for t in range(20):
        for n in range(4):
            c = int(classes[t, n])
            upright = noisy.images[int(rotated.starts[c] + numbers[t, n, 0])]
            turned = torch.rot90(upright, c // 8, (-2, -1)).float() / 255
            assert torch.equal(support.x[t, n], turned)


# Within a family -----------------------------------------------------------------------------


@pytest.fixture
def families(numbered):
    """Three families of 2, 4 and 6 classes; the large one has four groups."""
    groups = ["a", "b", "c", "d", "e", "f", "g", "g", "h", "h", "i", "j"]
    names = ["small"] * 2 + ["middle"] * 4 + ["large"] * 6
    return numbered([3] * 12, groups, families=names)


def test_the_classes_of_a_task_come_from_one_family(families):
    sampler = EpisodeSampler(families, 3, 1, 1, within="family")
    classes = sampler.sample(300, generator()).classes
    for task in classes.tolist():
        assert len({families.families[c] for c in task}) == 1 and len({families.groups[c] for c in task}) == 3
    assert set(classes.flatten().tolist()) == set(range(2, 12))  # the small family is left out


def test_a_family_comes_up_in_proportion_to_its_groups(families):
    classes = EpisodeSampler(families, 2, 1, 1, within="family").draw(4000, generator())[0]
    share = torch.tensor([families.families.index(families.families[c]) for c in classes[:, 0]]).bincount() / 4000
    assert (share[[0, 2, 6]] - torch.tensor([0.2, 0.4, 0.4])).abs().max() < 0.03  # 2, 4 and 4 groups of 10


def test_a_group_that_spans_families_counts_in_each_with_its_own_classes(numbered):
    images = numbered([3] * 4, ["g", "a", "g", "b"], families=["x", "x", "y", "y"])
    classes = EpisodeSampler(images, 2, 1, 1, within="family").draw(200, generator())[0]
    assert {tuple(sorted(task)) for task in classes.tolist()} == {(0, 1), (2, 3)}


def test_a_family_that_is_too_small_is_named(families, unequal):
    with pytest.raises(ValueError, match="n_way=5, but no family of numbered.*'middle', has 4; lower n_way"):
        EpisodeSampler(families, 5, 1, 1, within="family")
    with pytest.raises(ValueError, match="does not say the families of its classes"):
        EpisodeSampler(unequal, 2, 1, 1, within="family")
    with pytest.raises(ValueError, match="within='group': choose \"family\" or None"):
        EpisodeSampler(families, 2, 1, 1, within="group")


def test_an_alphabet_makes_a_task_of_twenty_characters(omniglot):
    classes = EpisodeSampler(omniglot, 20, 1, 1, within="family").draw(50, generator())[0]
    assert all(len({omniglot.families[c] for c in task}) == 1 for task in classes.tolist())


# By whom the pictures are --------------------------------------------------------------------


@pytest.fixture
def drawn(numbered):
    """Six classes drawn by four people; of the last two classes there are fewer pictures."""
    return numbered([4, 4, 4, 4, 2, 1], styles=["ann", "bob", "cyn", "dan"] * 4 + ["ann", "cyn", "ann"])


def styles_of(images, classes, numbers):
    rows = images.starts[classes].unsqueeze(-1) + numbers
    return [[[images.styles[r] for r in per_class] for per_class in task] for task in rows.tolist()]


def test_support_and_query_are_by_the_styles_asked_for(drawn):
    sampler = EpisodeSampler(drawn, 4, 1, 1, support_styles=["ann", "bob"], query_styles={"cyn"})
    classes, numbers = sampler.draw(300, generator())
    by = styles_of(drawn, classes, numbers)
    assert {support for task in by for support, _ in task} == {"ann", "bob"}
    assert {query for task in by for _, query in task} == {"cyn"}
    assert set(classes.flatten().tolist()) == {0, 1, 2, 3, 4}  # the last class has no picture by cyn


def test_overlapping_styles_share_out_the_pictures(drawn):
    sampler = EpisodeSampler(drawn, 4, 2, 2, support_styles=["ann", "bob"], query_styles=["bob", "cyn", "dan"])
    by = styles_of(drawn, *sampler.draw(300, generator()))
    assert all(sorted(task_class[:2]) == ["ann", "bob"] and len(set(task_class)) == 4 for t in by for task_class in t)
    sampler = EpisodeSampler(drawn, 4, 1, 2, support_styles=["ann", "bob"], query_styles=["bob", "cyn"])
    by = styles_of(drawn, *sampler.draw(300, generator()))
    assert all(task_class[0] == "ann" for task in by for task_class in task)  # the query needs both of its own


def test_one_side_may_have_any_style(drawn):
    by = styles_of(drawn, *EpisodeSampler(drawn, 4, 1, 3, query_styles=["bob", "cyn", "dan"]).draw(100, generator()))
    assert all(task_class[0] == "ann" for task in by for task_class in task)


def test_all_styles_on_both_sides_are_no_condition(drawn):
    every = set(drawn.styles)
    classes, numbers = EpisodeSampler(drawn, 4, 1, 1, support_styles=every, query_styles=every).draw(4000, generator())
    pairs = numbers[classes == 0].tolist()
    counts = torch.tensor([4 * a + b for a, b in pairs]).bincount(minlength=16).view(4, 4) / len(pairs)
    assert (counts.diagonal() == 0).all() and (counts[~torch.eye(4).bool()] - 1 / 12).abs().max() < 0.02


def test_styles_that_leave_too_few_classes_are_refused(drawn, unequal):
    message = (
        "n_way=5, but of the 6 classes of numbered here only 4, in 4 groups, have 2 pictures of support_styles and 1"
    )
    with pytest.raises(ValueError, match=message):
        EpisodeSampler(drawn, 5, 2, 1, support_styles=["ann", "bob"], query_styles=["cyn"])
    with pytest.raises(ValueError, match="numbered has no style 'eve'; its styles are: ann, bob, cyn, dan"):
        EpisodeSampler(drawn, 2, 1, 1, support_styles=["eve"])
    with pytest.raises(ValueError, match="numbered has no style 'ann'; its styles are: none"):
        EpisodeSampler(unequal, 2, 1, 1, support_styles=["ann"])
    with pytest.raises(ValueError, match=r"styles='ann': give a collection of names, such as \['ann'\]"):
        EpisodeSampler(drawn, 2, 1, 1, support_styles="ann")


def test_tasks_of_a_family_and_styles_stay_functions_of_their_key():
    emoji = datasets.load("emoji")
    options = dict(within="family", support_styles=["noto", "twemoji"], query_styles=["openmoji"])
    sampler = EpisodeSampler(emoji, 5, 1, 1, **options)
    classes, numbers = sampler.draw_tasks(3, 10, range(20))
    again = sampler.draw_tasks(3, 10, [7])
    assert torch.equal(classes[7:8], again[0]) and torch.equal(numbers[7:8], again[1])
    by = styles_of(emoji, classes, numbers)
    assert all(s in ("noto", "twemoji") and q == "openmoji" for task in by for s, q in task)
    assert all(len({emoji.families[c] for c in task}) == 1 for task in classes.tolist())


# Any classes at all --------------------------------------------------------------------------


@given(data=st.data(), k_shot=st.integers(1, 3), n_query=st.integers(1, 3), seed=st.integers(0, 2**31))
def test_whatever_can_be_drawn_keeps_what_a_task_promises(data, k_shot, n_query, seed):
    """Classes of other groups, one family if asked, pictures of their class, each once, by whom was asked."""
    counts = data.draw(st.lists(st.integers(1, 7), min_size=2, max_size=9))
    some = lambda letters, n: data.draw(st.lists(st.sampled_from(letters), min_size=n, max_size=n))  # noqa: E731
    styles = some("uvwx", sum(counts))
    pixels = torch.zeros(sum(counts), 1, 1, 1, dtype=torch.uint8)
    groups, families = some("abcdef", len(counts)), some("st", len(counts))
    images = from_tensors("some", pixels, counts, counts, groups, "", families=families, styles=styles)
    wanted = [data.draw(st.none() | st.sets(st.sampled_from(styles), min_size=1)) for _ in "sq"]
    within = data.draw(st.sampled_from([None, "family"]))
    n_way = data.draw(st.integers(2, 3))
    options = dict(within=within, support_styles=wanted[0], query_styles=wanted[1])
    try:
        sampler = EpisodeSampler(images, n_way, k_shot, n_query, **options)
    except ValueError as refused:
        assert str(refused).startswith(("n_way=", "class "))
        return
    classes, numbers = sampler.draw_tasks(seed, 0, range(4))
    assert classes.shape == (4, n_way) and numbers.shape == (4, n_way, k_shot + n_query)
    assert (numbers < images.counts[classes].unsqueeze(-1)).all() and (numbers >= 0).all()
    for task, shown, by in zip(classes.tolist(), numbers.tolist(), styles_of(images, classes, numbers)):
        assert len({groups[c] for c in task}) == n_way
        assert within is None or len({families[c] for c in task}) == 1
        assert all(len(set(per_class)) == k_shot + n_query for per_class in shown)
        for per_class in by:
            assert wanted[0] is None or set(per_class[:k_shot]) <= wanted[0]
            assert wanted[1] is None or set(per_class[k_shot:]) <= wanted[1]


def plainly_drawn(images, n_way, n_pictures, n_tasks, g):
    """What `draw` has always done, one step at a time: the ledger's episodes depend on it."""
    members = {}
    for c, group in enumerate(images.groups):
        members.setdefault(group, []).append(c)
    members = list(members.values())
    group_scores = torch.rand(n_tasks, len(members), generator=g).tolist()
    pick = torch.rand(n_tasks, n_way, generator=g)
    number_scores = torch.rand(n_tasks, n_way, max(images.counts.tolist()), generator=g).tolist()
    classes, numbers = [], []
    for t, scores in enumerate(group_scores):
        chosen = sorted(range(len(members)), key=lambda i: -scores[i])[:n_way]
        classes.append([members[i][int(pick[t, n] * len(members[i]))] for n, i in enumerate(chosen)])
        there = [number_scores[t][n][: int(images.counts[c])] for n, c in enumerate(classes[-1])]
        numbers.append([sorted(range(len(s)), key=lambda i: -s[i])[:n_pictures] for s in there])
    return classes, numbers


@given(data=st.data(), seed=st.integers(0, 2**31))
def test_draws_without_conditions_are_those_of_the_ledger(data, seed):
    counts = data.draw(st.lists(st.integers(3, 8), min_size=3, max_size=12))
    groups = [str(c % 3) if c < 6 else f"own {c}" for c in range(len(counts))]
    pixels = torch.zeros(sum(counts), 1, 1, 1, dtype=torch.uint8)
    images = from_tensors("some", pixels, counts, counts, groups, "")
    classes, numbers = EpisodeSampler(images, 3, 1, 2).draw(5, generator(seed))
    assert (classes.tolist(), numbers.tolist()) == plainly_drawn(images, 3, 3, 5, generator(seed))


def test_draws_of_a_real_dataset_are_those_of_the_ledger(kanji):
    images = kanji.split()[2].with_rotations()
    for task in range(5):
        drawn = EpisodeSampler(images, 20, 1, 5).draw_tasks(0, 3, [task])
        wanted = plainly_drawn(images, 20, 6, 1, task_generator(0, 3, task))
        assert (drawn[0].tolist(), drawn[1].tolist()) == wanted


# On other devices ----------------------------------------------------------------------------


def test_all_of_an_episode_lies_where_the_pictures_do(noisy):
    sampler = EpisodeSampler(noisy.with_rotations(), 4, 1, 2)
    for device in ("cpu", "meta"):
        episodes = sampler.to(device).sample(3, generator())
        assert {tensor.device.type for tensor in (*episodes.support, *episodes.query, episodes.classes)} == {device}
    assert sampler.images.starts.device.type == sampler.draw(1)[0].device.type == "cpu"  # indices stay


# The same for a seed -------------------------------------------------------------------------


def test_the_generator_decides_the_episodes(unequal):
    sampler = EpisodeSampler(unequal, n_way=4, k_shot=1, n_query=2)
    first, again, other = (sampler.sample(6, generator(seed)) for seed in (1, 1, 2))
    assert _equal(first, again) and not _equal(first, other)


def test_a_task_of_a_step_does_not_depend_on_the_other_tasks_asked_for(unequal):
    sampler = EpisodeSampler(unequal, n_way=4, k_shot=1, n_query=2)
    step = sampler.sample_tasks(seed=3, step=10, tasks=range(8))
    assert step.n_tasks == 8
    assert _equal(step.task(slice(2, 5)), sampler.sample_tasks(3, 10, [2, 3, 4]))
    assert _equal(step.task(slice(7, 8)), sampler.sample_tasks(3, 10, [7]))


def test_other_seeds_steps_and_tasks_give_other_episodes(numbered):
    sampler = EpisodeSampler(numbered([20] * 100), n_way=5, k_shot=1, n_query=5)
    keys = [(seed, step, task) for seed in range(3) for step in range(3) for task in range(3)]
    drawn = [sampler.draw_tasks(seed, step, [task]) for seed, step, task in keys]
    assert len({repr((classes.tolist(), numbers.tolist())) for classes, numbers in drawn}) == 27


def test_drawing_tasks_leaves_the_global_generator_alone(unequal):
    before = torch.get_rng_state()
    EpisodeSampler(unequal, n_way=4, k_shot=1, n_query=2).sample_tasks(0, 0, range(3))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_noise_of_a_learner_has_a_stream_of_its_own():
    keys = [(1, 2, 3, 0), (1, 2, 3, 1), (1, 2, 4, 0), (1, 3, 2, 0), (2, 1, 3, 0)]
    assert len({float(torch.rand((), generator=task_generator(*key))) for key in keys}) == 5
    assert torch.equal(
        torch.rand(9, generator=task_generator(1, 2, 3)), torch.rand(9, generator=task_generator(1, 2, 3, 0))
    )


# What cannot be drawn ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "n_way, k_shot, n_query, message",
    [
        (1, 1, 1, "n_way=1: a task needs at least two classes"),
        (0, 1, 1, "n_way=0: a task needs at least two classes"),
        (5, 0, 1, "k_shot=0.*at least 1"),
        (5, 1, 0, "n_query=0.*at least 1"),
        (8, 1, 1, "n_way=8, but numbered has only 7 groups.*lower n_way"),
        (5, 2, 4, r"'class 0' has 5 pictures, but k_shot \+ n_query = 6.*with_at_least\(6\)"),
    ],
)
def test_an_episode_that_cannot_be_drawn_is_refused_with_a_remedy(unequal, n_way, k_shot, n_query, message):
    with pytest.raises(ValueError, match=message):
        EpisodeSampler(unequal, n_way, k_shot, n_query)


def test_the_remedy_for_small_classes_works(unequal):
    EpisodeSampler(unequal.with_at_least(6), n_way=5, k_shot=2, n_query=4).sample(1)


def test_classes_of_one_group_do_not_count_twice(noisy):
    EpisodeSampler(noisy.with_rotations(), n_way=8, k_shot=1, n_query=1)
    with pytest.raises(ValueError, match="only 8 groups"):
        EpisodeSampler(noisy.with_rotations(), n_way=9, k_shot=1, n_query=1)


def test_an_empty_part_of_a_split_is_refused(numbered):
    empty = numbered([5] * 10).split(sizes=(10, 0, 0))[1]
    with pytest.raises(ValueError, match="only 0 groups.*more classes"):
        EpisodeSampler(empty, n_way=2, k_shot=1, n_query=1)


# Speed ---------------------------------------------------------------------------------------


def test_a_thousand_tasks_of_omniglots_size_take_seconds_at_most():
    names = [str(c) for c in range(1623)]
    images = from_tensors("large", torch.zeros(1623 * 20, 1, 28, 28, dtype=torch.uint8), [20] * 1623, names, hash="")
    sampler = EpisodeSampler(images, n_way=5, k_shot=1, n_query=15)
    started = time.process_time()
    for _ in range(40):
        sampler.sample(25)
    assert time.process_time() - started < 10


def _equal(a, b):
    return all(torch.equal(x, y) for x, y in zip((*a.support, *a.query, a.classes), (*b.support, *b.query, b.classes)))


def test_a_sampler_of_another_kind_stays_one_on_another_device(noisy):
    class Mine(EpisodeSampler):
        pass

    assert isinstance(Mine(noisy, 2, 1, 1).to("cpu"), Mine)


def test_augmented_tasks_are_varied_and_a_function_of_seed_step_and_task(noisy):
    plain, varied = (EpisodeSampler(noisy, 3, 1, 2, augment=a) for a in (None, Augment(warp=0.2)))
    one, other = (s.sample_tasks(1, 4, [0, 1, 2]) for s in (plain, varied))
    assert torch.equal(one.classes, other.classes) and torch.equal(one.query.y, other.query.y)
    assert not torch.equal(one.support.x, other.support.x) and not torch.equal(one.query.x, other.query.x)
    alone = varied.sample_tasks(1, 4, [2])
    assert torch.equal(alone.support.x[0], other.support.x[2]) and torch.equal(alone.query.x[0], other.query.x[2])
    assert torch.equal(varied.gather(*varied.draw_tasks(1, 4, [0])).query.x, plain.sample_tasks(1, 4, [0]).query.x)
