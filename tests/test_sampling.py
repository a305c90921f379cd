"""Episodes are what they say: right pictures, hidden labels, no picture twice, the same for a seed."""

import time

import pytest
import torch

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
    started = time.perf_counter()
    for _ in range(40):
        sampler.sample(25)
    assert time.perf_counter() - started < 10


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
