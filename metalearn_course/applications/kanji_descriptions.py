"""Kanji described in words instead of shown, and the split of their classes for zero-shot learning."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from metalearn_course.datasets import ImageClasses
from metalearn_course.datasets.kanji_parts import Composition

ASPECTS = ("parts", "places", "layout", "strokes", "count")  # of a description
OPPOSITE = {"left": "x", "right": "x", "top": "y", "bottom": "y"}  # words of one axis exclude one another
FEWEST_OWNERS = 10  # training characters that have to own each part of an unseen one


def words(made: Composition, aspects: Sequence[str] = ASPECTS) -> dict[str, float]:
    """A description as numbers by word.

    parts: how often each stands in the character, at every level. places: each part with each word for its place.
    layout: the places of the outermost groups. strokes: how many of each kind, a quarter each, and the kind of the
    first and of the last, a half each. count: 1 for the number of strokes, a half for its neighbours.
    """
    found: dict[str, float] = defaultdict(float)
    for part in made.parts if "parts" in aspects else ():
        found[part.name] += 1
    for part in made.parts if "places" in aspects else ():
        for place in places(part.places):
            found[f"{part.name} {place}"] += 1
    if "layout" in aspects:
        found["layout " + " ".join(made.layout)] = 1
    for kind in made.strokes if "strokes" in aspects else ():
        found[f"stroke {kind}"] += 0.25
    if "strokes" in aspects:
        found.update({f"first {made.strokes[0]}": 0.5, f"last {made.strokes[-1]}": 0.5})
    if "count" in aspects:
        n = len(made.strokes)
        found.update({f"{n} strokes": 1, f"{n - 1} strokes": 0.5, f"{n + 1} strokes": 0.5})
    return dict(found)


def places(path: Sequence[str]) -> set[str]:
    """The words for a place that counts in the whole character: of two on one axis the outer one."""
    chosen: dict[str, str] = {}
    for word in path:
        chosen.setdefault(OPPOSITE.get(word, word), word)
    return set(chosen.values())


def vocabulary(described: Iterable[dict[str, float]], fewest: int = 1) -> dict[str, int]:
    """The column of every word that occurs in at least `fewest` of the descriptions, of training classes that is."""
    uses = Counter(word for description in described for word in description)
    return {word: column for column, word in enumerate(sorted(w for w, n in uses.items() if n >= fewest))}


def encode(described: Sequence[dict[str, float]], columns: dict[str, int]) -> Tensor:
    """Descriptions as rows (M, words); words outside the vocabulary are dropped."""
    rows = torch.zeros(len(described), len(columns))
    for row, description in zip(rows, described):
        for word, value in description.items():
            if word in columns:
                row[columns[word]] = value
    return rows


def split(
    images: ImageClasses, made: dict[str, Composition], seed: int = 0, n_validation: int = 200, n_test: int = 400
) -> tuple[ImageClasses, ImageClasses, ImageClasses]:
    """(training, validation, test) classes; the last two are those never seen.

    An unseen character has at least two outermost parts and no stroke outside of them, no other character is
    described in the same words, and each of its parts at every level stands in ten training characters at least.
    Characters that look alike move together.
    """
    groups: dict[str, list[str]] = {}
    for name, group in zip(images.names, images.groups):
        groups.setdefault(group, []).append(name)
    owners = Counter(part for name in images.names for part in _parts(made[name]))  # of training characters
    described = Counter(frozenset(words(made[name]).items()) for name in images.names)
    test: list[str] = []
    validation: list[str] = []
    order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed)).tolist()
    for group in ([*groups.values()][i] for i in order):
        gone = Counter(part for name in group for part in _parts(made[name]))
        enough = all(owners[part] - n >= FEWEST_OWNERS for part, n in gone.items())
        room = next((p for p, n in ((test, n_test), (validation, n_validation)) if len(p) + len(group) <= n), None)
        if room is not None and enough and all(_describable(made[name], described) for name in group):
            owners -= gone
            room += group
    unseen = {*test, *validation}
    names = set(images.names) - unseen, set(validation), set(test)
    return _named(images, names[0]), _named(images, names[1]), _named(images, names[2])


def _parts(made: Composition) -> set[str]:
    return {part.name for part in made.parts}


def _describable(made: Composition, described: Counter) -> bool:
    outermost = [part for part in made.parts if part.depth == 1]
    return made.complete and len(outermost) >= 2 and described[frozenset(words(made).items())] == 1


def _named(images: ImageClasses, names: set[str]) -> ImageClasses:
    return images.select([c for c, name in enumerate(images.names) if name in names])
