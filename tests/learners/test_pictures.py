"""Pictures and labels as readers bring them: taken where there is one meaning, else answered with a remedy."""

import numpy as np
import pytest
import torch
from PIL import Image

from metalearn_course.learners.pictures import as_labels, as_pictures

GREY = torch.randint(0, 256, (3, 1, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
COLOUR = torch.randint(0, 256, (3, 3, 16, 16), generator=torch.Generator().manual_seed(1), dtype=torch.uint8)
GREY_ARRAY, COLOUR_ARRAY = GREY[:, 0].numpy(), COLOUR.movedim(1, -1).numpy()


@pytest.mark.parametrize(
    "x",
    [
        GREY / 255,
        GREY,
        GREY.int(),
        GREY[:, 0],
        GREY.movedim(1, -1),
        (GREY / 255).double().numpy(),
        GREY_ARRAY,
        GREY_ARRAY[..., None],
        GREY_ARRAY[:, ::-1][:, ::-1],
        GREY_ARRAY.astype(">i4"),
        list(GREY),
        list(GREY_ARRAY),
        [Image.fromarray(each) for each in GREY_ARRAY],
        [Image.fromarray(GREY_ARRAY[0]), GREY_ARRAY[1], GREY[2] / 255],
    ],
)
def test_grey_pictures_of_every_kind_become_the_same_tensor(x):
    found = as_pictures(x, 1, 16)
    torch.testing.assert_close(found.float(), GREY / 255)
    assert found.is_floating_point()


@pytest.mark.parametrize(
    "x", [COLOUR, COLOUR_ARRAY, list(COLOUR), list(COLOUR_ARRAY), [Image.fromarray(each) for each in COLOUR_ARRAY]]
)
def test_colour_pictures_of_every_kind_become_the_same_tensor(x):
    torch.testing.assert_close(as_pictures(x, 3, 16), COLOUR / 255)


@pytest.mark.parametrize("x", [GREY[0, 0], GREY[0], GREY_ARRAY[0], Image.fromarray(GREY_ARRAY[0]), GREY_ARRAY[0] > 99])
def test_a_single_picture_is_a_batch_of_one(x):
    assert as_pictures(x, 1, 16).shape == (1, 1, 16, 16)


def test_grey_pil_images_are_shown_in_grey_to_a_net_of_colours():
    found = as_pictures(Image.fromarray(GREY_ARRAY[0]), 3, 16)
    torch.testing.assert_close(found, (GREY[:1] / 255).expand(-1, 3, -1, -1))


@pytest.mark.parametrize(
    ("x", "channels", "answer"),
    [
        (255 * torch.rand(2, 1, 16, 16), 1, "go from .* to 25.*by 255"),
        ((COLOUR / 255 - 0.45) / 0.22, 3, "leave out a normalisation"),
        (torch.full((1, 1, 16, 16), torch.nan), 1, "go from nan"),
        (torch.ones(2, 1, 16, 16, dtype=torch.int64), 1, "do not tell their scale"),
        (np.full((16, 16), 1023, np.uint16), 1, "do not tell their scale"),
        (COLOUR, 1, r"grey pictures of 16 x 16.*average the channels"),
        (GREY, 3, r"colour pictures of 16 x 16.*expand"),
        (torch.rand(2, 1, 28, 28), 1, r"\(2, 1, 28, 28\).*resize them"),
        (torch.rand(2, 84, 84, 3), 3, r"\(2, 84, 84, 3\).*resize them"),
        (torch.rand(4, 2, 1, 16, 16), 1, "without a task axis"),
        (Image.fromarray(COLOUR_ARRAY[0]), 1, r"convert\('L'\)"),
        (Image.fromarray(COLOUR_ARRAY[0]).convert("RGBA"), 3, "mode 'RGBA'"),
        (Image.new("L", (84, 84)), 1, "resize"),
        (["a.png"], 1, "cannot be read from a str"),
        (np.array([["a"]]), 1, "shows no pictures"),
        ([], 1, "no picture"),
        (torch.rand(0, 1, 16, 16), 1, "no picture"),
        (torch.rand(16, 16, 16, 16), 16, "channels first or last"),
    ],
)
def test_what_has_no_single_meaning_is_answered_with_cause_and_remedy(x, channels, answer):
    with pytest.raises(ValueError, match=answer):
        as_pictures(x, channels, 16)


def test_a_net_that_does_not_say_what_it_takes_gets_batches_alone():
    assert torch.equal(as_pictures(GREY), GREY / 255)
    with pytest.raises(ValueError, match=r"wants \(N, C, H, W\)"):
        as_pictures(GREY[0])


@pytest.mark.parametrize(
    "y",
    [
        torch.tensor([0, 2, 1]),
        torch.tensor([0, 2, 1], dtype=torch.uint8),
        torch.tensor([0.0, 2.0, 1.0]),
        np.array([0, 2, 1], np.int32),
        np.array([0, 2, 1], np.uint16),
        [0, 2, 1],
        (np.int64(0), np.int64(2), np.int64(1)),
    ],
)
def test_labels_of_every_kind_of_number_are_the_same(y):
    found, n_way = as_labels(y, 3)
    assert found.tolist() == [0, 2, 1] and found.dtype == torch.int64 and n_way == 3


@pytest.mark.parametrize(
    ("y", "answer"),
    [
        ([0, -1, 1], "label -1; number the classes 0, 1, 2"),
        ([0, 0, 2], "no support picture has label 1.*without gaps"),
        ([1, 2, 3], "no support picture has label 0"),
        ([0, 1, 10**12], "no support picture has label 2"),
        ([0, 0.5, 1], "label 0.5 is no whole number"),
        ([0, float("nan"), 1], "label nan"),
        (["cat", "dog", "cat"], "'cat' is none; number the classes"),
        (torch.eye(3), "one-hot"),
        ([0, 1], "3 pictures and labels of shape .2,. do not match"),
    ],
)
def test_other_labels_are_answered_with_cause_and_remedy(y, answer):
    with pytest.raises(ValueError, match=answer):
        as_labels(y, 3)
