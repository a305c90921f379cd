"""A reader's own pictures: any mode, any size, unequal classes; what cannot be read is named."""

import os
import re
import struct
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile, ImageOps

from metalearn_course import datasets
from metalearn_course.datasets import folder, small
from metalearn_course.evaluation import evaluate
from metalearn_course.ledger import load_pretrained
from metalearn_course.sampling import EpisodeSampler


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


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "I;16"])
def test_a_transparent_colour_becomes_white(put, mode):
    """PNG and GIF can declare one colour transparent without an alpha channel."""
    black = (0, 0, 0) if mode == "RGB" else 0
    assert (_only(put("a/x.png", _flat(mode, black), transparency=black)) == 255).all()


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


ENDINGS = ["png", "JPG", "jpeg", "jfif", "jpe", "gif", "BMP", "webp", "tif", "tiff", "jp2", "pgm", "ppm", "tga"]
ENDINGS += ["ico", "pcx", "dib", "sgi", "avif", "qoi", "dds"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_of_file_that_pillow_reads_is_read(put, ending):
    assert (_only(put(f"a/x.{ending}", _flat("RGB", (255, 255, 255), (32, 32)))) > 250).all()


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
    steps, opened, fitted = [], small.open_picture, ImageOps.fit
    monkeypatch.setattr(small, "open_picture", lambda *a: (steps.append("open"), opened(*a))[1])
    monkeypatch.setattr(ImageOps, "fit", lambda *a: (steps.append("small"), fitted(*a))[1])
    datasets.load(f"folder:{root}")
    assert steps == ["open", "small"] * 3


# Depths --------------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1, 8, 10, 12, 14, 16])
@pytest.mark.parametrize("ending, dtype", [("png", np.uint16), ("tif", np.uint16), ("tif", np.int32)])
def test_numbers_of_every_depth_are_scaled_to_white(put, told, ending, dtype, bits):
    """Files of 16 and 32 bits hold what a camera or a program had, and no header says how many bits those were."""
    images, line = told(put(f"a/x.{ending}", Image.fromarray(_ramp(2**bits - 1, dtype))))
    ramp = _ramp(2**bits - 1, dtype) * (255 / (2**bits - 1))
    np.testing.assert_allclose(images.images[0, 0].numpy(), ramp, atol=1)
    assert f"numbers were read as 0 to {2**bits - 1}: 1 (a/x.{ending})" in line


def test_pictures_of_different_depths_lie_side_by_side(put, told):
    for bits in (8, 10, 12, 14, 16):
        root = put(f"{bits} bits/x.png", Image.fromarray(_ramp(2**bits - 1, np.uint16)))
    root = put("as usual/x.png", Image.fromarray(_ramp(255, np.uint8)))
    assert told(root)[0].images.flatten(1).amax(1).tolist() == [255] * 6


def test_dark_pictures_stay_darker_than_their_neighbours(put, told):
    put("a/dark.png", Image.fromarray(_ramp(1000, np.uint16)))
    root = put("a/light.png", Image.fromarray(_ramp(3900, np.uint16)))
    dark, light = told(root)[0].images.flatten(1).amax(1).tolist()
    assert abs(dark - 255 * 1000 / 4095) <= 1 and abs(light - 255 * 3900 / 4095) <= 1


@pytest.mark.parametrize("white", [1, 255, 65535])
def test_decimal_numbers_are_scaled_by_the_white_that_holds_them(put, told, white):
    pictures = told(put("a/x.tif", Image.fromarray(_ramp(1, np.float64).astype(np.float32) * white)))[0].images
    np.testing.assert_allclose(pictures[0, 0].numpy(), _ramp(1, np.float64) * 255, atol=1)


@pytest.mark.parametrize("number", [-1.0, np.nan, np.inf, 1e12])
def test_numbers_without_a_white_are_refused(put, number):
    numbers = _ramp(1, np.float32)
    numbers[3, 3] = number
    with pytest.raises(ValueError, match=r"x\.tif \(its numbers reach.*8 or 16 bits, or decimal numbers from 0 to 1"):
        datasets.load(f"folder:{put('a/x.tif', Image.fromarray(numbers))}")


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_other_ways_to_store_colour_are_read(put, mode):
    picture = _only(put("a/x.jpg" if mode == "CMYK" else "a/x.tif", _flat("RGB", (200, 100, 50)).convert(mode)))
    np.testing.assert_allclose(picture.float().mean((1, 2)).numpy(), [200, 100, 50], atol=4)


# Grey and colour -----------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("ending", ["png", "webp", "tif"])
def test_grey_stored_as_colour_is_grey(put, mode, ending):
    grey = Image.fromarray(_ramp(255, np.uint8))
    picture = _only(
        put(f"a/x.{ending}", grey.convert(mode) if ending != "webp" else grey.convert("RGB"), lossless=True)
    )
    np.testing.assert_array_equal(picture.numpy(), _ramp(255, np.uint8)[None])


def test_grey_pictures_among_coloured_ones_become_coloured_and_the_line_says_so(put, told):
    put("a/grey.jpg", _flat("L", 100))
    put("a/deep.png", Image.fromarray(_ramp(65535, np.uint16)))
    root = put("b/colour.png", _flat("RGB", (5, 6, 7)))
    images, line = told(root)
    assert images.images.shape == (3, 3, 84, 84)
    assert "grey pictures stored with three equal channels: 2 (a/deep.png, a/grey.jpg)" in line and "in colour" in line


@pytest.mark.parametrize("channels, size", [(1, 28), (3, 84)])
def test_channels_can_be_chosen_and_the_size_follows(put, told, channels, size):
    put("a/grey.png", _flat("L", 100))
    root = put("b/colour.png", _flat("RGB", (255, 0, 0)))
    images = told(root, channels=channels)[0].images
    assert images.shape == (2, channels, size, size)
    assert images[1, :, 0, 0].tolist() == ([76] if channels == 1 else [255, 0, 0])


def test_the_command_line_s_choices_reach_a_folder_through_load(put):
    root = put("a/x.png", _flat("L", 200))
    images = datasets.load(f"folder:{root}", size=20, channels=3, invert=True)
    assert images.images.shape == (1, 3, 20, 20) and (images.images == 55).all()


@pytest.mark.parametrize(
    "options, message",
    [
        ({"size": 0}, "size=0"),
        ({"channels": 2}, "channels=2: give 1"),
        ({"sise": 3}, "no option sise"),
        ({"root": "x"}, "no option root"),
    ],
)
def test_impossible_choices_are_refused(put, options, message):
    root = put("a/x.png", _flat("L", 200))
    with pytest.raises(ValueError, match=message):
        datasets.load(f"folder:{root}", **options)


# Ink and paper -------------------------------------------------------------------------------


@pytest.fixture
def kanji_test(kanji):
    """A few test classes of the kanji."""
    test = kanji.split()[2]
    return test.select(range(0, 60))


def _on_paper(root, images, turn):
    for name, start in zip(images.names, images.starts.tolist()):
        (root / name).mkdir(parents=True)
        for i in range(8):
            Image.fromarray(turn(images.images[start + i, 0].numpy())).save(root / name / f"{i}.png")
    return root


def test_dark_ink_on_light_paper_is_turned_into_the_course_s_ink(kanji_test, tmp_path, told):
    dark, line = told(_on_paper(tmp_path / "dark", kanji_test, lambda x: 255 - x))
    light, other = told(_on_paper(tmp_path / "light", kanji_test, lambda x: x))
    assert torch.equal(dark.images, light.images) and "grey, inverted, for they show dark ink on light paper" in line
    assert torch.equal(light.images[:8], kanji_test.images[kanji_test.starts[0] :][:8]) and "light ink on dark" in other
    assert torch.equal(told(tmp_path / "dark", invert=False)[0].images, 255 - dark.images)
    assert torch.equal(told(tmp_path / "light", invert=True)[0].images, 255 - light.images)


def test_a_learner_of_the_ledger_reads_dark_ink_as_well_as_its_own(kanji_test, tmp_path, told):
    learner = load_pretrained("kanji-maml-5w1s")

    def accuracy(**options):
        images = told(tmp_path / "dark", **options)[0]
        return evaluate(learner, EpisodeSampler(images, 5, 1, 5), n_episodes=40, norm="support").accuracy

    _on_paper(tmp_path / "dark", kanji_test, lambda x: 255 - x)
    assert accuracy() > 0.9 and accuracy(invert=False) < accuracy() - 0.1


@pytest.mark.parametrize("gradient", [0, 60])
def test_pencil_on_shaded_paper_is_seen_as_dark_ink(kanji_test, tmp_path, told, gradient):
    shade = np.linspace(0, gradient, 28)
    root = _on_paper(tmp_path / "paper", kanji_test, lambda x: (230 - shade - 0.5 * x).clip(0).astype(np.uint8))
    assert "grey, inverted" in told(root)[1]


def test_pictures_without_paper_are_left_as_they_are(tmp_path, told):
    random = np.random.default_rng(0)
    for i in range(20):
        (tmp_path / "p" / f"{i}").mkdir(parents=True)
        Image.fromarray(random.integers(0, 256, (28, 28), np.uint8)).save(tmp_path / "p" / f"{i}" / "x.png")
    assert "not inverted, for few or none show" in told(tmp_path / "p")[1]


def test_the_ones_that_look_the_other_way_round_are_counted(kanji_test, tmp_path, told):
    _on_paper(tmp_path / "p", kanji_test.select(range(40)), lambda x: 255 - x)
    _on_paper(tmp_path / "p", kanji_test.select(range(40, 44)), lambda x: x)
    assert re.search(r"grey, inverted.*; (2\d|3[0-2]) look the other way round", told(tmp_path / "p")[1])


def test_colour_is_left_alone(put, told):
    red = np.full((28, 28, 3), 255, np.uint8)
    red[10:18, 10:18] = (200, 0, 0)
    images, line = told(put("a/x.png", Image.fromarray(red)))
    assert images.images[0, :, 0, 0].tolist() == [255, 255, 255] and "not inverted, for colour" in line


# The line ------------------------------------------------------------------------------------


def test_one_line_is_printed_that_says_what_was_read(put, capsys):
    for i in range(3):
        root = put(f"a/{i}.png", Image.fromarray(_ramp(255, np.uint8)))
    put("b/0.png", Image.fromarray(_ramp(255, np.uint8)))
    datasets.load(f"folder:{root}")
    said = capsys.readouterr().out
    assert said.startswith("pictures: 2 classes with 1 to 3 pictures per class, 4 in all, 28x28, grey, not inverted")
    assert said.count("\n") == 1
    datasets.load(f"folder:{root}", report=None)
    assert capsys.readouterr().out == ""


def test_pictures_that_show_nothing_are_named(put, told):
    """White ink on a transparent ground, a mask of zeros and ones: what would otherwise be blank in silence."""
    put("a/white.png", _flat("LA", (255, 0)))
    root = put("a/mask.png", Image.fromarray(_ramp(1, np.uint8)))
    assert "next to nothing: one tone all over: 2 (a/mask.png, a/white.png)" in told(root)[1]


def _deep_colour(maximum):
    """A PNG with 16 bits for each of red, green and blue, which Pillow reads and does not write."""
    rows = np.repeat(_ramp(maximum, ">u2")[..., None], 3, -1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows))
    header = struct.pack(">IIBBBBB", 28, 28, 16, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", data), (b"IEND", b"")]
    chunks = [struct.pack(">I", len(d)) + kind + d + struct.pack(">I", zlib.crc32(kind + d)) for kind, d in parts]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


@pytest.mark.parametrize(
    "bits, said", [(10, "one tone all over"), (12, "nearly black"), (14, "nearly black"), (16, None)]
)
def test_colour_whose_low_bits_are_lost_is_named(put, told, bits, said):
    root = put("a/x.png", _flat("L", 5))
    (root / "a" / "x.png").write_bytes(_deep_colour(2**bits - 1))
    line = told(root)[1]
    assert said in line if said else "Noted" not in line


@pytest.mark.parametrize("ending", ["gif", "webp", "tif", "png"])
def test_the_first_of_several_frames_is_taken_and_named(put, told, ending):
    frames = [Image.fromarray(_ramp(255, np.uint8)), _flat("L", 9, (28, 28))]
    images, line = told(put(f"a/x.{ending}", frames[0], save_all=True, append_images=frames[1:]))
    assert images.images[0].amax() > 200 and f"several frames, of which the first was taken: 1 (a/x.{ending})" in line


def test_long_pictures_are_named(put, told):
    put("a/long.png", Image.fromarray(_ramp(255, np.uint8)).resize((200, 50)))
    line = told(put("a/wide enough.png", Image.fromarray(_ramp(255, np.uint8)).resize((100, 50))))[1]
    assert "more than twice as long as wide, of which the middle square was taken: 1 (a/long.png)" in line


# What is refused -----------------------------------------------------------------------------


BROKEN = {"empty": b"", "text": b"not a picture", "cut": None}
CAUSES = {
    "empty": "0 bytes",
    "text": "no kind that Pillow reads, whatever its ending says",
    "cut": "truncated|broken|cut",
}


@pytest.mark.parametrize("kind", BROKEN)
def test_an_unreadable_picture_is_named_with_its_cause_and_can_be_left_out(put, told, kind):
    root = put("a/good.png", Image.fromarray(_ramp(255, np.uint8)))
    whole = (root / "a" / "good.png").read_bytes()
    (root / "b").mkdir()
    for file in ("a/bad.png", "b/bad.png"):
        (root / file).write_bytes(whole[: len(whole) // 2] if kind == "cut" else BROKEN[kind])
    with pytest.raises(
        ValueError, match=rf"the picture .*a.bad\.png \(.*({CAUSES[kind]}).*and 1 more: .*b.bad\.png"
    ) as error:
        datasets.load(f"folder:{root}")
    assert "skip_unreadable=True (--skip-unreadable)" in str(error.value) and "remove" not in str(error.value)
    images, line = told(root, skip_unreadable=True)
    assert images.names == ("a",) and "cannot be read: 2 (a/bad.png: " in line
    assert "classes without a picture that can be read: 1 (b)" in line


def test_nothing_but_unreadable_pictures_is_refused(put):
    root = put("a/x.png", _flat("L", 5))
    (root / "a" / "x.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"x\.png .*0 bytes"):
        datasets.load(f"folder:{root}", skip_unreadable=True)


@pytest.mark.parametrize("side", [7_100, 9_500, 13_500])  # from 89 and 179 megapixels on Pillow warns and refuses
def test_pictures_beyond_50_megapixels_are_refused_before_they_are_unfolded(put, monkeypatch, side):
    root = put("a/huge.png", _flat("1", 1, (side, side)))
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("unfolded"))
    with pytest.raises(ValueError, match=r"huge\.png \(.* megapixels.*at most 50|far more than 50 megapixels"):
        datasets.load(f"folder:{root}")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_protected_picture_is_named(put):
    root = put("a/x.png", _flat("L", 5))
    (root / "a" / "x.png").chmod(0)
    with pytest.raises(ValueError, match="its permissions forbid it"):
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
