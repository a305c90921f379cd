"""Episodes are pytrees: they can be taken apart by task, moved, and passed through vmap."""

import pytest
import torch

from metalearn_course.episode import Episode, LabelledSet


@pytest.fixture
def episodes():
    """Four 3-way tasks with 2 support and 5 query pictures a class."""
    generator = torch.Generator().manual_seed(0)

    def labelled(k):
        x = torch.rand(4, 3 * k, 1, 2, 2, generator=generator)
        return LabelledSet(x, torch.arange(3).repeat_interleave(k).expand(4, -1))

    return Episode(labelled(2), labelled(5), torch.rand(4, 9, generator=generator).topk(3).indices)


def test_sizes_are_read_from_shapes(episodes):
    assert episodes.n_way == 3 and episodes.n_tasks == 4 and episodes.task(0).n_way == 3


def test_a_task_is_that_slice_of_every_tensor(episodes):
    task = episodes.task(2)
    assert isinstance(task, Episode) and isinstance(task.query, LabelledSet)
    for part, whole in zip((*task.support, *task.query, task.classes), _leaves(episodes)):
        assert torch.equal(part, whole[2])


def test_a_slice_of_tasks_keeps_the_task_axis(episodes):
    some = episodes.task(slice(1, 3))
    assert some.n_tasks == 2
    for part, whole in zip(_leaves(some), _leaves(episodes)):
        assert torch.equal(part, whole[1:3])


def test_an_episode_passes_through_vmap(episodes):
    def of_one_task(task: Episode):
        assert task.n_way == 3  # static, so that shapes may depend on it
        return task.support.x.mean() + task.query.x.sum() + task.classes.sum()

    singly = torch.stack([of_one_task(episodes.task(i)) for i in range(4)])
    torch.testing.assert_close(torch.vmap(of_one_task)(episodes), singly)


def test_every_tensor_moves_to_the_device(episodes):
    moved = episodes.to("meta")
    assert isinstance(moved, Episode)
    assert all(leaf.device.type == "meta" for leaf in _leaves(moved))
    assert [leaf.shape for leaf in _leaves(moved)] == [leaf.shape for leaf in _leaves(episodes)]


def _leaves(episode):
    return *episode.support, *episode.query, episode.classes
