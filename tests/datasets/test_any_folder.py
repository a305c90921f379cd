"""Folders as hypothesis makes them up: every picture arrives as it looks, all else is counted, nothing is lost."""

import re
import tempfile
import unicodedata
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from metalearn_course.datasets import folder
from metalearn_course.datasets.opening import WHITES, whites
from metalearn_course.datasets.tree import PARTS

KINDS = [  # mode and ending of a picture
    *(
        ("L", ending)
        for ending in ("png", "jpg", "JPG", "jfif", "jpeg", "webp", "tif", "TIFF", "bmp", "gif", "pgm", "tga")
    ),
    *(("1", ending) for ending in ("png", "tif", "bmp", "pbm")),
    *(("P", ending) for ending in ("png", "gif", "bmp", "tif")),
    *(("RGB", ending) for ending in ("png", "jpg", "webp", "tif", "ppm", "jp2", "bmp")),
    *(("LA", "png"), ("LA", "tif"), ("RGBA", "png"), ("RGBA", "webp"), ("CMYK", "tif")),
    *((bits, "png") for bits in (10, 12, 14, 16)),
    *((bits, "tif") for bits in (8, 10, 12, 14, 16, 31)),
    *(("F", "tif"), ("clear", "png")),
]
OTHERS = [
    "._{}.png",
    ".{}",
    "Thumbs.db",
    "desktop.ini",
    "{}.txt",
    "{}.heic",
    "{}.SVG",
    "{}",
    "__MACOSX/{}.png",
    "{} folder/",
]
SIDES = st.integers(6, 40)


def _usable(name: str) -> bool:
    return unicodedata.normalize("NFC", name).casefold() not in PARTS and len(name.encode()) < 40


def _key(name: str) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", name).casefold())


LETTERS = st.characters(categories=["Ll", "Lu", "Lo", "Mn", "Nd", "So"])
WORDS = st.text(LETTERS, min_size=1, max_size=5).map("n{}".format).filter(_usable)
PICTURES = st.tuples(st.sampled_from(KINDS), st.sampled_from([0, 64, 128, 255]), SIDES, SIDES, st.booleans())
CLASSES = st.tuples(
    st.lists(PICTURES, min_size=1, max_size=3), st.lists(st.sampled_from(OTHERS), unique=True, max_size=3)
)


def _picture(kind, dark: int, width: int, height: int) -> Image.Image:
    """The left half has the tone `dark` of 255, the right half is white."""
    tones = np.full((height, width), 255.0)
    tones[:, : width // 2] = dark if kind != "1" else 255 * (dark > 127)
    if isinstance(kind, int):
        dtype = np.uint16 if kind <= 16 else np.int32
        return Image.fromarray((tones / 255 * (2**kind - 1)).astype(dtype))
    if kind == "F":
        return Image.fromarray((tones / 255).astype(np.float32))
    grey = Image.fromarray(tones.astype(np.uint8))
    if kind != "clear":
        return grey.convert("RGB").convert(kind) if kind == "CMYK" else grey.convert(kind)
    ink = np.stack((np.zeros_like(tones), 255 - tones), -1)  # black, the lighter the more transparent
    return Image.fromarray(ink.astype(np.uint8), "LA")


def _write(root: Path, classes, way: str) -> list[dict]:
    """Makes the folder; says for every picture what it should look like, sorted as the loader sorts."""
    written = []
    for name, (pictures, others) in classes.items():
        home = root / way / name
        home.mkdir(parents=True)
        for number, ((kind, ending), dark, width, height, coloured) in enumerate(pictures):
            image = _picture(kind, dark, width, height)
            coloured = coloured and kind == "RGB" and ending != "jpg"
            if coloured:
                image.putpixel((width - 1, 0), (255, 0, 0))
            image.save(home / f"{number}.{ending}", **({"lossless": True} if ending == "webp" else {}))
            shown = dark if kind != "1" else 255 * (dark > 127)
            square = width <= 2 * height and height <= 2 * width
            written.append(dict(cls=name, dark=shown, coloured=coloured, square=square, width=width, height=height))
        for other in others:
            path = home / other.format("other")
            path.parent.mkdir(exist_ok=True)
            path.mkdir() if other.endswith("/") else path.write_bytes(b"something")
    return written


@given(
    classes=st.dictionaries(WORDS, CLASSES, min_size=1, max_size=4),
    way=st.sampled_from(["", "wrapped", "twice/wrapped"]),
)
def test_every_picture_arrives_as_it_looks_and_all_else_is_counted(classes, way):
    classes = {_key(name): value for name, value in classes.items()}
    with tempfile.TemporaryDirectory() as place:
        written = _write(Path(place), classes, way)
        lines = []
        images = folder.load(place, invert=False, report=lines.append)
    names = {unicodedata.normalize("NFC", name): name for name in classes}
    assert images.names == tuple(sorted(names))
    assert images.counts.tolist() == [len(classes[names[name]][0]) for name in images.names]
    channels = 3 if any(picture["coloured"] for picture in written) else 1
    assert images.images.shape[1:] == ((3, 84, 84) if channels == 3 else (1, 28, 28))
    _assert_looks(images, {name: [p for p in written if p["cls"] == names[name]] for name in images.names})
    left_out = lines[0].partition(" Left out: ")[2]
    n_others = sum(len(others) for _, others in classes.values())
    assert sum(int(n) for n in re.findall(r": (\d+) \(", left_out)) == n_others


def _assert_looks(images, written) -> None:
    """Half way down, a little beside the outer edges of the middle square."""
    for name, start in zip(images.names, images.starts.tolist()):
        for number, picture in enumerate(written[name]):
            pixels = images.images[start + number].float()
            row, edge = pixels.shape[-2] // 2, pixels.shape[-1] // 8
            left, right = pixels[:, row, edge].mean().item(), pixels[:, row, -1 - edge].mean().item()
            if min(picture["width"], picture["height"]) >= 8:
                assert abs(left - picture["dark"]) <= 24, (name, number, left)
                assert abs(right - 255) <= 24, (name, number, right)


@given(st.lists(st.one_of(st.integers(0, 2**32 - 1), st.floats(0, 65535)), min_size=1, max_size=8))
def test_every_white_is_that_of_a_depth_and_holds_its_picture(lightest):
    found = whites(lightest)
    assert all(white in WHITES and white >= number for white, number in zip(found, lightest))
    by_kind = {
        kind: {w for w, n in zip(found, lightest) if type(n) is kind and n not in WHITES} for kind in (int, float)
    }
    assert all(len(common) <= 1 for common in by_kind.values())  # pictures that do not tell their depth share one


@given(st.sampled_from(["png", "jpg", "gif", "webp", "tif", "bmp", "jp2", "ico"]), st.data())
def test_damaged_files_are_named_and_never_crash(ending, data):
    with tempfile.TemporaryDirectory() as place:
        home = Path(place) / "a"
        home.mkdir()
        Image.linear_gradient("L").resize((20, 20)).save(home / "0.png")
        file = home / f"1.{ending}"
        Image.linear_gradient("L").resize((20, 20)).save(file)
        whole = bytearray(file.read_bytes())
        for _ in range(data.draw(st.integers(1, 4))):
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
        file.write_bytes(whole[: data.draw(st.integers(0, len(whole)))])
        lines = []
        images = folder.load(place, skip_unreadable=True, report=lines.append)
        assert len(images.images) == 2 or f"cannot be read: 1 (a/1.{ending}: " in lines[0]
