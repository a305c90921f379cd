"""Datasets as `ImageClasses`, by name."""

from metalearn_course.datasets.images import ImageClasses, from_tensors

__all__ = ["ImageClasses", "from_tensors", "load"]


def load(name: str = "kanji", root=None) -> ImageClasses:
    """The dataset called `name`.

    "kanji": drawn from stroke data that comes with the packages, needs no network.
    "omniglot": `root` is the folder with its archives; downloaded where there is none.
    "folder:PATH": a folder with one folder of pictures a class.
    """
    if name == "kanji":
        from metalearn_course.datasets import kanji

        return kanji.load()
    if name == "omniglot":
        from metalearn_course.datasets import omniglot

        return omniglot.load(root)
    if name.startswith("folder:") and name != "folder:":
        from metalearn_course.datasets import folder

        return folder.load(name.removeprefix("folder:"))
    raise ValueError(f'unknown dataset {name!r}: choose "kanji", "omniglot" or "folder:PATH"')
