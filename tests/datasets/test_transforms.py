"""Other sizes, channels and polarity: the same pictures, and the same classes to the guard."""

import pytest
import torch

from metalearn_course import datasets
from metalearn_course.datasets import from_tensors, transforms


@pytest.fixture
def colour():
    """Three classes of two pictures, 3 x 12 x 12."""
    pixels = torch.randint(256, (6, 3, 12, 12), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    return from_tensors("colour", pixels, [2, 2, 2], ["a", "b", "c"])


def test_nothing_asked_changes_nothing(noisy):
    assert transforms.convert(noisy) is noisy
    assert transforms.convert(noisy, size=5, channels=1, invert=False) is noisy


def test_grey_repeated_and_read_back_is_the_same(noisy):
    there = transforms.convert(noisy, channels=3)
    assert there.images.shape == (24, 3, 5, 5) and torch.equal(
        transforms.convert(there, channels=1).images, noisy.images
    )


def test_colour_becomes_its_brightness(colour):
    red, green, blue = colour.images.double().unbind(1)
    grey = transforms.convert(colour, channels=1).images[:, 0]
    assert ((0.299 * red + 0.587 * green + 0.114 * blue) - grey).abs().max() <= 0.5 + 1e-4


def test_inverting_twice_is_the_identity(noisy):
    once = transforms.convert(noisy, invert=True)
    assert torch.equal(once.images, 255 - noisy.images) and noisy.images is not once.images
    assert torch.equal(transforms.convert(once, invert=True).images, noisy.images)


@pytest.mark.parametrize("size", [1, 3, 6, 11, 12, 40])
@pytest.mark.parametrize("value", [0, 77, 255])
def test_another_size_keeps_the_tone(size, value):
    pixels = torch.full((2, 3, 12, 12), value, dtype=torch.uint8)
    assert torch.equal(transforms.to_size(pixels, size), torch.full((2, 3, size, size), value, dtype=torch.uint8))


def test_smaller_pictures_are_means_and_not_samples():
    """Stripes of one pixel become an even grey; every other pixel would be all black or all white."""
    stripes = torch.zeros(1, 1, 64, 64, dtype=torch.uint8)
    stripes[..., ::2] = 255
    small = transforms.to_size(stripes, 8)[..., 2:-2].float()
    assert (small - 127.5).abs().max() < 10


def test_the_middle_square_is_kept():
    wide = torch.zeros(1, 1, 10, 30, dtype=torch.uint8)
    wide[..., 10:20] = 200
    assert (transforms.to_size(wide, 5) == 200).all()


def test_many_pictures_at_once_are_those_one_by_one(monkeypatch, colour):
    whole = transforms.convert(colour, size=7, channels=1).images
    monkeypatch.setattr(transforms, "AT_ONCE", 1)
    assert torch.equal(transforms.convert(colour, size=7, channels=1).images, whole)


def test_a_converted_class_stays_the_same_class(noisy):
    other = transforms.convert(noisy, size=9, channels=3, invert=True)
    assert other.hash == noisy.hash and other.names == noisy.names and torch.equal(other.starts, noisy.starts)


def test_every_dataset_is_loaded_in_the_wanted_form(kanji):
    images = datasets.load("kanji", size=14, channels=3, invert=True)
    assert images.images.shape == (len(kanji.images), 3, 14, 14) and images.images[:, :, 0, 0].float().mean() > 200
    assert images.hash == kanji.hash


@pytest.mark.parametrize("options", [{"size": 0}, {"channels": 4}, {"size": -3}])
def test_impossible_forms_are_refused(noisy, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        transforms.convert(noisy, **options)


# Which is ink, and which is paper -------------------------------------------------------------


def _drawing(paper, ink, size=28):
    pixels = torch.full((1, 1, size, size), paper, dtype=torch.uint8)
    pixels[..., size // 3 : size // 2, size // 4 : size // 2] = ink
    return pixels


@pytest.mark.parametrize("paper, ink, wanted", [(255, 0, 1), (220, 100, 1), (0, 255, -1), (60, 200, -1), (255, 240, 0)])
@pytest.mark.parametrize("size", [8, 28, 84])
def test_paper_is_what_the_border_shows(paper, ink, wanted, size):
    assert transforms.polarity(_drawing(paper, ink, size)).tolist() == [wanted]
    assert transforms.polarity(255 - _drawing(paper, ink, size)).tolist() == [-wanted]


def test_a_border_that_is_not_even_is_no_paper():
    noise = torch.randint(256, (50, 1, 28, 28), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
    assert transforms.polarity(noise).abs().float().mean() < 0.1


@pytest.mark.parametrize("size", [1, 2, 3])
def test_the_smallest_pictures_have_no_say(size):
    assert transforms.polarity(torch.full((1, 1, size, size), 9, dtype=torch.uint8)).tolist() == [0]


def test_the_course_s_own_characters_are_ink_on_dark_paper(kanji):
    votes = transforms.polarity(kanji.images[::50])
    assert (votes <= 0).all() and (votes < 0).float().mean() > 0.8
