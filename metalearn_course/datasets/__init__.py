"""Datasets as `ImageClasses`, by name."""

import importlib
import inspect

from metalearn_course.datasets.images import ImageClasses, from_tensors

__all__ = ["DATASETS", "ImageClasses", "from_tensors", "load"]

DATASETS = {  # name: the module whose `load` makes it, imported when it is wanted
    "emoji": "emoji",
    "kanji": "kanji",
    "omniglot": "omniglot",
    "cifar-fs": "cifar_fs",
}


def load(
    name: str = "kanji",
    root=None,
    size: int | None = None,
    channels: int | None = None,
    invert: bool | None = None,
    **options,
) -> ImageClasses:
    """The dataset called `name`.

    "emoji": colour drawings by many artists, needs no network.
    "kanji": drawn from stroke data that comes with the packages, needs no network.
    "omniglot", "cifar-fs": `root` is the folder with their archives; downloaded where there is none.
    "folder:PATH": a reader's own pictures, a folder with one folder of pictures per class.

    size: the side of the pictures in pixels; channels: 1 for grey, 3 for colour; invert: whether to swap
    light and dark. By default pictures stay as they are, and those of a folder are looked at (`folder.load`).
    options: of the dataset's own `load`, such as depth=2 of a folder.
    Raises ValueError for unknown names and options.

    >>> import pathlib, tempfile
    >>> from PIL import Image
    >>> own = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("circle", "cross"):
    ...     (own / name).mkdir()
    ...     for number in range(2):
    ...         Image.new("L", (40, 40), 60 * number).save(own / name / f"{number}.png")
    >>> images = load(f"folder:{own}", size=28, invert=False, report=None)
    >>> images.names, images.images.shape
    (('circle', 'cross'), torch.Size([4, 1, 28, 28]))
    """
    options |= {} if root is None else {"root": root}
    if name.startswith("folder:") and name != "folder:":
        from metalearn_course.datasets import folder

        path = name.removeprefix("folder:")
        _check_options("folder:PATH", folder.load, options)
        return folder.load(path, size=size, channels=channels, invert=invert, **options)
    if name not in DATASETS:
        known = ", ".join(f'"{known}"' for known in DATASETS)
        raise ValueError(f'unknown dataset {name!r}: choose {known} or "folder:PATH"')
    from metalearn_course.datasets import transforms

    load_it = importlib.import_module(f"metalearn_course.datasets.{DATASETS[name]}").load
    _check_options(name, load_it, options)
    return transforms.convert(load_it(**options), size, channels, invert)


def _check_options(name: str, load_it, options: dict) -> None:
    known = inspect.signature(load_it).parameters
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ValueError(f"{name} has no option {unknown[0]}; it has {', '.join(known) or 'none'}")
