"""Emoji: things drawn by up to twelve artists each, the course's own embedded colour data.

The drawings come from twelve sets under open licences (`emoji-licences.md`, `licences()`); `emoji_build` made the
data file from them. The same thing is drawn anew in each set, so a class has one picture a style, and a task
within one style does not exist.
"""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from metalearn_course.common.storage import Content
from metalearn_course.datasets import cache
from metalearn_course.datasets.identity import picture_ids
from metalearn_course.datasets.images import ImageClasses, from_tensors

FILE = Path(__file__).with_name("emoji.zip")
SIZE = 32  # of the pictures in the file


def load() -> ImageClasses:
    """About 890 things, 8 to 12 pictures each, 3x32x32 in natural colours on white.

    families: the group of CLDR, of 8 kinds; subgroups: its subgroup; descriptions: its keywords;
    styles: the set that a picture is from.
    """
    tensors, info = cache.cached(f"emoji-{_digest()}", _read)
    classes = info["classes"]
    return from_tensors(
        "emoji",
        tensors["images"],
        [len(c["styles"]) for c in classes],
        [c["name"] for c in classes],
        [c["group"] for c in classes],
        hash=_digest(),
        families=[c["family"] for c in classes],
        subgroups=[c["subgroup"] for c in classes],
        descriptions=[tuple(c["keywords"]) for c in classes],
        styles=[style for c in classes for style in c["styles"]],
        ids=tensors["ids"],
    )


def licences() -> dict[str, dict[str, str]]:
    """By style: package, version, author, url, licence, licence_url."""
    with zipfile.ZipFile(FILE) as archive:
        return json.loads(archive.read("index.json"))["styles"]


def _digest() -> str:
    """Of the data file: what the dataset and its place in the cache are known by."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()[:16]


def _read() -> Content:
    """All pictures, class by class, and their ids."""
    with zipfile.ZipFile(FILE) as archive:
        classes = json.loads(archive.read("index.json"))["classes"]
        images = torch.cat([_strip(archive.read(f"{c['code']}.webp")) for c in classes])
    return {"images": images, "ids": picture_ids(images)}, {"classes": classes}


def _strip(data: bytes) -> Tensor:
    """(n, 3, 32, 32) uint8 out of n pictures below each other."""
    pixels = pil_to_tensor(Image.open(io.BytesIO(data)).convert("RGB"))  # (3, n * 32, 32)
    return pixels.unflatten(1, (-1, SIZE)).transpose(0, 1).contiguous()
