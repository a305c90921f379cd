"""Datasets as `ImageClasses`, by name."""

from metalearn_course.datasets.images import ImageClasses, from_tensors

__all__ = ["ImageClasses", "from_tensors", "load"]


def load(name: str = "kanji", root=None, size: int | None = None) -> ImageClasses:
    """The dataset called `name`.

    "emoji": colour drawings by many artists, needs no network.
    "kanji": drawn from stroke data that comes with the packages, needs no network.
    "omniglot": `root` is the folder with its archives; downloaded where there is none.
    "folder:PATH": a folder with one folder of pictures a class.
    size: pixels along a side, for emoji and folders; None is what the dataset has.
    """
    if size is not None and name in ("kanji", "omniglot"):
        raise ValueError(f"the pictures of {name} have one size, 28x28; leave size out")
    if name == "emoji":
        from metalearn_course.datasets import emoji

        return emoji.load(size)
    if name == "kanji":
        from metalearn_course.datasets import kanji

        return kanji.load()
    if name == "omniglot":
        from metalearn_course.datasets import omniglot

        return omniglot.load(root)
    if name.startswith("folder:") and name != "folder:":
        from metalearn_course.datasets import folder

        return folder.load(name.removeprefix("folder:"), size)
    raise ValueError(f'unknown dataset {name!r}: choose "emoji", "kanji", "omniglot" or "folder:PATH"')
