"""Varied pictures: nothing changes where nothing is asked for, and little where little is."""

import pytest
import torch

from metalearn_course.datasets.augment import Augment


def pictures(n=6, channels=3):
    """Dark blobs on white paper."""
    x = torch.ones(n, channels, 16, 16)
    x[:, :, 5:11, 6:10] = torch.rand(n, channels, 1, 1, generator=torch.Generator().manual_seed(0))
    return x


def varied(augment, x, seed=0):
    return augment.apply(x, augment.draw(len(x), torch.Generator().manual_seed(seed)))


def test_without_a_wish_nothing_changes():
    assert torch.equal(varied(Augment(), pictures()), pictures())


@pytest.mark.parametrize("augment", [Augment(warp=0.1), Augment(colours=0.3), Augment(0.1, 0.3)])
def test_pictures_change_each_in_its_way_stay_in_range_and_come_again_with_their_seed(augment):
    x = pictures()[:1].expand(6, -1, -1, -1)
    found = varied(augment, x)
    assert found.min() >= 0 and found.max() <= 1
    assert len({tuple(picture.flatten().tolist()) for picture in found}) == 6
    assert torch.equal(found, varied(augment, x)) and not torch.equal(found, varied(augment, x, seed=1))


def test_paper_stays_white_and_grey_pictures_keep_their_one_channel():
    assert torch.allclose(varied(Augment(0.2, 0.5), torch.ones(4, 3, 16, 16)), torch.ones(4, 3, 16, 16))
    grey = pictures(channels=1)
    assert torch.equal(varied(Augment(colours=0.5), grey), grey)


def test_a_small_warp_moves_less_than_a_large_one():
    x = pictures()
    small, large = ((varied(Augment(warp=w), x) - x).abs().mean() for w in (0.02, 0.2))
    assert 0 < small < large


def test_a_batch_of_tasks_is_varied_picture_by_picture():
    augment, x = Augment(0.1, 0.2), pictures()
    variation = augment.draw(6, torch.Generator().manual_seed(3))
    tasks = augment.apply(x.view(2, 3, 3, 16, 16), type(variation)(*(part.unflatten(0, (2, 3)) for part in variation)))
    torch.testing.assert_close(tasks.flatten(0, 1), augment.apply(x, variation))


def test_negative_deviations_are_refused():
    with pytest.raises(ValueError, match="negative"):
        Augment(warp=-0.1)
