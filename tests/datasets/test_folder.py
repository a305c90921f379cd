"""A reader's own pictures: any mode, any size, unequal classes; what cannot be read is named."""

import numpy as np
import pytest
import torch
from PIL import Image

from metalearn_course import datasets
from metalearn_course.datasets import folder
from metalearn_course.sampling import EpisodeSampler


@pytest.fixture
def put(tmp_path):
    """Saves a picture as tmp_path/pictures/NAME and returns the dataset's folder."""

    def save(name, image, **options):
        file = tmp_path / "pictures" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, **options)
        return tmp_path / "pictures"

    return save


def _flat(mode, value, size=(30, 30)):
    return Image.new(mode, size, value)


def _ramp(maximum, dtype):
    """From black at the left to white at the right, as 28 x 28 numbers."""
    return np.linspace(0, maximum, 28).round().astype(dtype)[None].repeat(28, 0)


def _only(root):
    """The first picture of the first class, (C, H, W)."""
    return datasets.load(f"folder:{root}").images[0]


# What is read --------------------------------------------------------------------------------


def test_a_class_a_folder_with_as_many_pictures_as_there_are(put):
    for name, count in (("birch", 3), ("ash", 5), ("oak", 2)):
        for i in range(count):
            root = put(f"{name}/{i:02}.png", _flat("L", 10 * count + i))
    images = datasets.load(f"folder:{root}")
    assert images.names == images.groups == ("ash", "birch", "oak") and images.counts.tolist() == [5, 3, 2]
    assert images.images.dtype == torch.uint8 and images.images.shape == (10, 1, 28, 28)
    assert images.images[:, 0, 0, 0].tolist() == [50, 51, 52, 53, 54, 30, 31, 32, 20, 21]
    assert EpisodeSampler(images, n_way=3, k_shot=1, n_query=1).sample(2).support.x.shape == (2, 3, 1, 28, 28)


@pytest.mark.parametrize("mode, value", [("1", 1), ("L", 255), ("LA", (255, 255)), ("I;16", 65535)])
def test_grey_pictures_of_every_mode_have_one_channel_of_28_pixels(put, mode, value):
    picture = _only(put("a/x.png", _flat(mode, value)))
    assert picture.shape == (1, 28, 28) and (picture == 255).all()


@pytest.mark.parametrize("mode", ["P", "RGB", "RGBA"])
def test_pictures_in_colour_have_three_channels_of_84_pixels(put, mode):
    brown = _flat("RGB", (200, 100, 50))
    picture = _only(put("a/x.png", brown.quantize(4) if mode == "P" else brown.convert(mode)))
    assert picture.shape == (3, 84, 84)
    assert picture.flatten(1).unique(dim=1).squeeze(1).tolist() == [200, 100, 50]


@pytest.mark.parametrize("ending, mode", [("png", "I;16"), ("tif", "I;16"), ("tif", "I;16B"), ("tif", "I")])
def test_sixteen_bits_are_scaled_and_not_cut_off(put, ending, mode):
    dtype = {"I;16": "<u2", "I;16B": ">u2", "I": np.int32}[mode]
    picture = _only(put(f"a/x.{ending}", Image.fromarray(_ramp(65535, dtype))))
    np.testing.assert_allclose(picture[0].numpy(), _ramp(255, np.uint8), atol=1)


def test_transparent_parts_become_white(put):
    put("a/1.png", Image.fromarray(np.full((28, 28, 2), (0, 0), np.uint8), "LA"))
    root = put("a/2.png", Image.fromarray(np.full((28, 28, 2), (0, 255), np.uint8), "LA"))
    assert datasets.load(f"folder:{root}").images.flatten(1).float().mean(1).tolist() == [255, 0]


@pytest.mark.parametrize("mode, channels", [("1", 1), ("L", 1), ("RGB", 3), ("P", 3)])
def test_a_transparent_colour_keeps_the_number_of_channels(put, mode, channels):
    """PNG and GIF can declare one colour transparent without an alpha channel."""
    black = (0, 0, 0) if mode == "RGB" else 0
    picture = _only(put("a/x.png", _flat(mode, black), transparency=black))
    assert len(picture) == channels and (picture == 255).all()


@pytest.mark.parametrize("size", [(1, 1), (5, 200), (200, 5), (28, 28), (640, 480)])
def test_pictures_of_any_size_become_square(put, size):
    picture = _only(put("a/x.png", _flat("L", 77, size)))
    assert picture.shape == (1, 28, 28) and (picture == 77).all()


def test_the_middle_square_is_kept(put):
    wide = np.zeros((28, 84), np.uint8)
    wide[:, 28:56] = _ramp(255, np.uint8)
    np.testing.assert_array_equal(_only(put("a/x.png", Image.fromarray(wide)))[0].numpy(), _ramp(255, np.uint8))


def test_a_photograph_is_turned_as_the_camera_says(put):
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene is at the right edge of what is stored
    stored = Image.fromarray(_ramp(255, np.uint8).T.copy())
    shown = _only(put("a/x.png", stored, exif=exif))[0].numpy()
    np.testing.assert_array_equal(shown, np.rot90(np.asarray(stored), -1))


@pytest.mark.parametrize("ending", ["png", "JPG", "jpeg", "gif", "bmp", "webp", "tif", "tiff"])
def test_the_usual_kinds_of_files_are_read(put, ending):
    assert (_only(put(f"a/x.{ending}", _flat("RGB", (255, 255, 255)))) > 250).all()


def test_what_is_no_picture_and_what_is_hidden_is_left_aside(put):
    root = put("a/x.png", _flat("L", 5))
    (root / "a" / "notes.txt").write_text("not a picture")
    (root / "a" / "._x.png").write_bytes(b"what macOS leaves on foreign disks")
    (root / ".ipynb_checkpoints").mkdir()
    (root / "readme.md").write_text("no class")
    images = datasets.load(f"folder:{root}")
    assert images.names == ("a",) and len(images.images) == 1


def test_the_size_can_be_chosen(put):
    assert folder.load(put("a/x.png", _flat("L", 5)), size=40).images.shape == (1, 1, 40, 40)


def test_the_dataset_is_called_like_its_folder(put, monkeypatch):
    root = put("a/x.png", _flat("L", 5))
    assert datasets.load(f"folder:{root}").name == "pictures"
    monkeypatch.chdir(root)
    assert datasets.load("folder:.").name == "pictures"


def test_large_pictures_do_not_pile_up_in_memory(put, monkeypatch):
    """Each is made small before the next is opened: a phone's photographs would fill any memory."""
    for i in range(3):
        root = put(f"a/{i}.png", _flat("L", 5))
    steps, opened, squared = [], folder._open, folder._square
    monkeypatch.setattr(folder, "_open", lambda *a: (steps.append("open"), opened(*a))[1])
    monkeypatch.setattr(folder, "_square", lambda *a: (steps.append("square"), squared(*a))[1])
    datasets.load(f"folder:{root}")
    assert steps == ["open", "square"] * 3


# What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", b"not a picture", "cut"], ids=["empty", "other", "cut"])
def test_an_unreadable_picture_is_named(put, content):
    root = put("a/good.png", Image.fromarray(_ramp(255, np.uint8)))
    whole = (root / "a" / "good.png").read_bytes()
    (root / "a" / "bad.png").write_bytes(whole[: len(whole) // 2] if content == "cut" else content)
    with pytest.raises(ValueError, match=r"the picture .*bad\.png cannot be read.*repair or remove it"):
        datasets.load(f"folder:{root}")


def test_pictures_with_decimal_numbers_are_refused(put):
    """Nothing says which of their numbers is white."""
    root = put("a/x.tif", Image.fromarray(_ramp(1, np.float32)))
    with pytest.raises(ValueError, match=r"x\.tif cannot be read.*8 or 16 bits"):
        datasets.load(f"folder:{root}")


def test_grey_pictures_among_coloured_ones_are_refused_and_one_of_each_named(put):
    put("a/grey.png", _flat("L", 5))
    root = put("b/colour.png", _flat("RGB", (5, 6, 7)))
    with pytest.raises(ValueError, match=r"grey\.png is grey and .*colour\.png is in colour.*Convert"):
        datasets.load(f"folder:{root}")


def test_a_missing_path_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder; give a folder that has one folder"):
        datasets.load(f"folder:{tmp_path / 'nowhere'}")


def test_a_file_in_place_of_a_folder_is_refused(tmp_path):
    (tmp_path / "pictures.zip").write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="pictures.zip is not a folder"):
        datasets.load(f"folder:{tmp_path / 'pictures.zip'}")


def test_no_path_at_all_is_refused():
    with pytest.raises(ValueError, match='"folder:PATH"'):
        datasets.load("folder:")


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(ValueError, match="has no class folders; put the pictures of each class into a folder"):
        datasets.load(f"folder:{tmp_path}")


def test_an_empty_class_folder_is_named(put):
    root = put("a/x.png", _flat("L", 5))
    (root / "hollow").mkdir()
    with pytest.raises(ValueError, match="hollow has no pictures; fill it or remove it"):
        datasets.load(f"folder:{root}")
