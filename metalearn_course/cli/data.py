"""`metalearn data`: prepare a dataset and say what is in it."""

import time
from collections import Counter

from metalearn_course.cli.options import Pictures
from metalearn_course.cli.signatures import add_options as add_keywords
from metalearn_course.cli.signatures import made
from metalearn_course.datasets import ImageClasses

SHOWN = 6  # names in a list, of which there may be thousands


def add_options(parser) -> None:
    add_keywords(parser, Pictures)


def run(args) -> None:
    """Print classes, groups, families, styles and counts, and the sizes of the usual split."""
    started = time.perf_counter()
    images = made(Pictures, args).load()
    print("\n".join(_described(images)))
    for line in _parts(images):
        print(line)
    print(f"ready in {time.perf_counter() - started:.1f} s")


def _parts(images: ImageClasses) -> list[str]:
    """The usual split, or why there is none."""
    try:
        parts = images.split()
    except ValueError as error:
        return [f"  {'split':12} {error}"]
    return [f"  {name:12} {len(part)} classes" for name, part in zip(("train", "validation", "test"), parts)]


def _described(images: ImageClasses) -> list[str]:
    """What a dataset is, line by line."""
    n_pictures, channels, height, width = images.images.shape
    lines = [
        f"{images.name}: {len(images)} classes in {len(set(images.groups))} groups, hash {images.hash}",
        f"  {'pictures':12} {n_pictures}, {channels}x{height}x{width}; {_spread(images.counts.tolist())} per class",
        f"  {'classes':12} {_some(images.names)}",
    ]
    for name, what in (("families", "classes"), ("styles", "pictures")):
        if kinds := getattr(images, name, None):
            lines.append(f"  {name:12} {_counted(kinds, what)}")
    return lines


def _spread(counts: list[int]) -> str:
    """The smallest and the largest, where they differ."""
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}"


def _some(names) -> str:
    more = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" … and {more} more" if more > 0 else "")


def _counted(names, what: str) -> str:
    """The most frequent names, each with how often it is there."""
    counts = Counter(names).most_common()
    return f"{len(counts)}: {_some([f'{name} ({n} {what})' for name, n in counts])}"
