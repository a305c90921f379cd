"""A reader's own pictures: one folder a class."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.functional import pil_to_tensor

from metalearn_course.common.progress import bar
from metalearn_course.datasets.images import ImageClasses, from_tensors

ENDINGS = {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff"}


def load(path: str | Path, size: int | None = None) -> ImageClasses:
    """The pictures of PATH/CLASS/*.png (or .jpg, …), a class a folder, as many pictures as there are.

    Modes and sizes may differ; a picture is turned as its camera says, its middle square cut out and
    scaled to `size` pixels. If every picture is grey the result has one channel, else all must be
    colour. The default size is 28 for grey and 84 for colour pictures, as the field has it.
    """
    root = Path(path).expanduser().resolve()
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder; give a folder that has one folder of pictures a class")
    classes = {d.name: _files(d) for d in sorted(root.iterdir()) if d.is_dir() and not d.name.startswith(".")}
    if not classes:
        raise ValueError(f"{root} has no class folders; put the pictures of each class into a folder of its own there")
    empty = [name for name, files in classes.items() if not files]
    if empty:
        raise ValueError(f"the class folder {root / empty[0]} has no pictures; fill it or remove it")
    files = [file for files in classes.values() for file in files]
    pictures = [_square(_open(file), size) for file in bar(files, desc="pictures", leave=False)]
    grey = [file for file, picture in zip(files, pictures) if len(picture) == 1]
    colour = [file for file, picture in zip(files, pictures) if len(picture) == 3]
    if grey and colour:
        raise ValueError(
            f"{grey[0]} is grey and {colour[0]} is in colour; a dataset needs one number of channels. "
            "Convert them all to one of the two"
        )
    return from_tensors(root.name, torch.stack(pictures), [len(files) for files in classes.values()], list(classes))


def _files(folder: Path) -> list[Path]:
    return sorted(f for f in folder.iterdir() if f.suffix.lower() in ENDINGS and not f.name.startswith("."))


def _open(file: Path) -> Image.Image:
    """The picture as grey or RGB, whatever the file holds; transparent parts become white."""
    try:
        with Image.open(file) as image:
            return _plain(ImageOps.exif_transpose(image))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise ValueError(f"the picture {file} cannot be read ({error}); repair or remove it") from error


def _plain(image: Image.Image) -> Image.Image:
    if image.mode == "F":
        raise ValueError("its numbers are decimal, and nothing says which of them is white; store 8 or 16 bits")
    if image.mode.startswith("I"):  # 16 bits, of which Pillow's own conversion would turn all above 255 white
        return Image.fromarray((np.asarray(image) // 257).clip(0, 255).astype(np.uint8))
    mode = "L" if image.mode in ("1", "L", "LA") else "RGB"
    if image.mode in ("LA", "RGBA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image.convert(mode)


def _square(picture: Image.Image, size: int | None) -> Tensor:
    """(C, size, size) uint8."""
    size = size or (28 if picture.mode == "L" else 84)
    return pil_to_tensor(ImageOps.fit(picture, (size, size), Image.Resampling.LANCZOS))
