"""Handwriting without a download: Japanese characters drawn from the pen strokes of KanjiVG.

KanjiVG (Ulrich Apel, CC BY-SA 3.0, kanjivg.tagaini.net) records how a character is written, stroke by
stroke. Each class is one such drawing varied twenty times, so the variety is that of our jitter, not
that of twenty people.
"""

import hashlib
import importlib.metadata
import json
import re
import xml.etree.ElementTree as ElementTree
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch
from fontTools.pens.basePen import BasePen
from fontTools.svgLib.path import parse_path
from torch import Tensor

from metalearn_course.common.progress import bar
from metalearn_course.common.storage import Content
from metalearn_course.datasets import cache
from metalearn_course.datasets.identity import text_id
from metalearn_course.datasets.images import ImageClasses, from_tensors
from metalearn_course.datasets.strokes import render, resample, vary

RECIPE = "kanji-28-v2"  # raise the version with any change to the pictures
PER_CLASS = 20
N_POINTS = 12  # points a stroke
FIRST, LAST = 0x4E00, 0x9FFF  # the ideographs
FEWEST, MOST = 2, 9  # strokes, of the usual set; `load` takes another `most`
ALIKE = 0.892  # characters whose blurred pictures correlate by more share a group
SINGLE = "一丨丶丿乀乙亅"  # components that are one stroke
TWINS = ("土士", "干千", "日曰", "刀力", "人入")  # and these, told apart by the length of a stroke


class Drawing(NamedTuple):
    """How a character is written, for lessons that draw it or know what it is made of."""

    strokes: Tensor  # (S, 12, 2) in a box of 109 x 109, y downwards
    components: tuple[str, ...]  # the named parts, outermost first, without the character itself


def load(seed: int = 0, most: int = MOST) -> ImageClasses:
    """About 1,787 characters of 2 to 9 strokes, 20 pictures each, 28x28, ink 1 on paper 0.

    descriptions: the named components; families: of the character itself and its components, the one that most
    other characters have, single strokes aside (明 belongs to 日). A picture's id tells the character and the
    picture's number: it is the same for every seed and processor, since whoever saw a character has seen it.
    most=12 takes characters of up to 12 strokes, about 3,498: a dataset of its own, in which the characters of
    the usual set are drawn as they are there and have the same ids.
    """
    tensors, info = _content(seed, most)
    return from_tensors(
        "kanji" if most == MOST else f"kanji-{most}-strokes",
        tensors["images"],
        [PER_CLASS] * len(info["names"]),
        info["names"],
        info["groups"],
        hash=info["hash"],  # of the drawings and the recipe: processors round pictures differently
        families=_families(info["names"], info["components"]),
        descriptions=[tuple(components) for components in info["components"]],
        ids=torch.tensor([text_id("kanji", name, number) for name in info["names"] for number in range(PER_CLASS)]),
    )


def load_drawings(seed: int = 0, most: int = MOST) -> dict[str, Drawing]:
    """The strokes and the components behind every class of `load`, by class name."""
    tensors, info = _content(seed, most)
    strokes = tensors["strokes"].split(info["n_strokes"])
    return {name: Drawing(s, tuple(c)) for name, s, c in zip(info["names"], strokes, info["components"])}


def _content(seed: int, most: int) -> Content:
    size = "" if most == MOST else f"-most{most}"
    key = f"{RECIPE}{size}-{importlib.metadata.version('kanjivg')}-seed{seed}"
    return cache.cached(key, lambda: _build(seed, most))


def _build(seed: int, most: int) -> Content:
    drawings = _read_drawings(most)
    names = list(drawings)
    strokes = [drawing.strokes for drawing in drawings.values()]
    n_strokes = [len(s) for s in strokes]
    images = torch.empty(len(names), PER_CLASS, 28, 28, dtype=torch.uint8)
    plain = torch.empty(len(names), 28, 28)
    generator = torch.Generator().manual_seed(seed)
    with _one_thread(), bar(total=len(names), desc="kanji, drawing", unit=" characters", leave=False) as shown:
        for count in range(FEWEST, most + 1):  # a batch has drawings with the same number of strokes
            chosen = [i for i, n in enumerate(n_strokes) if n == count]
            for index in torch.tensor(chosen).split(8):
                batch = torch.stack([strokes[i] for i in index])
                images[index], plain[index] = _pictures(batch, generator)
                shown.update(len(index))
    digest = hashlib.sha256(json.dumps([RECIPE, seed, names, torch.cat(strokes).round().tolist()]).encode())
    info = dict(
        names=names,
        groups=_groups(names, plain),
        n_strokes=n_strokes,
        components=[drawing.components for drawing in drawings.values()],
        hash=digest.hexdigest()[:16],
    )
    return {"images": images.flatten(0, 1).unsqueeze(1), "strokes": torch.cat(strokes)}, info


@contextmanager
def _one_thread():
    """Many small operations: threads cost more than they bring, above all on a busy machine."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _pictures(drawings: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Varied pictures (B, 20, 28, 28) as uint8, and the unvaried one (B, 28, 28), of drawings (B, S, P, 2)."""
    hands = vary(drawings.repeat_interleave(PER_CLASS, 0), generator)
    widths = 1.2 + 0.8 * torch.rand(len(hands), generator=generator)
    few_at_a_time = zip(hands.split(4), widths.split(4))  # what fits the processor's cache is several times as fast
    pictures = torch.cat([render(*part) for part in few_at_a_time]).mul(255).round().byte()
    return pictures.view(len(drawings), PER_CLASS, 28, 28), render(drawings, torch.full((len(drawings),), 1.6))


def _groups(names: list[str], plain: Tensor) -> list[str]:
    """A group a character, but one for characters that look alike: named after the first of them."""
    blurred = torch.nn.functional.avg_pool2d(plain.unsqueeze(1), 3, stride=1, padding=1).flatten(1)
    unit = torch.nn.functional.normalize(blurred - blurred.mean(1, keepdim=True))
    alike = ((unit @ unit.T).triu(1) > ALIKE).nonzero().tolist()
    group = list(range(len(names)))
    twins = [[names.index(a), names.index(b)] for a, b in TWINS if a in names and b in names]
    for a, b in alike + twins:
        old, new = max(group[a], group[b]), min(group[a], group[b])
        group = [new if g == old else g for g in group]
    return [names[g] for g in group]


def _families(names: list[str], components: list[list[str]]) -> list[str]:
    """Of every character and its components but single strokes, the one that most characters have.

    Where two tie, the outermost.
    """
    parts = [[part for part in own if part not in SINGLE] + [name] for name, own in zip(names, components)]
    common = Counter(part for own in parts for part in set(own))
    return [max(own, key=common.__getitem__) for own in parts]


# Reading KanjiVG -----------------------------------------------------------------------------


def svg_texts(most: int = MOST) -> Iterator[tuple[str, str]]:
    """(character, the text of its SVG) of the wanted characters in code point order."""
    folder = Path(str(importlib.metadata.distribution("kanjivg").locate_file("kanji")))
    paths = sorted(path for path in folder.glob("*.svg") if re.fullmatch("[0-9a-f]{5}", path.stem))
    found = False
    for path in bar(paths, desc="kanji, reading", unit=" files", leave=False):
        if FIRST <= int(path.stem, 16) <= LAST:
            text = path.read_text(encoding="utf-8")
            if FEWEST <= text.count("<path") <= most:
                found = True
                yield chr(int(path.stem, 16)), text
    if not found:
        raise FileNotFoundError(f"no characters in {folder}; install the package kanjivg again")


def _read_drawings(most: int) -> dict[str, Drawing]:
    return {name: _drawing(text) for name, text in svg_texts(most)}


def _drawing(svg: str) -> Drawing:
    root = ElementTree.fromstring(svg)
    strokes = [resample(_polyline(path.get("d", "")), N_POINTS) for path in root.iter() if path.tag.endswith("}path")]
    # The files name two namespaces for kvg:, one in the DTD and one at the root: go by the local name.
    named = [value for group in root.iter() for key, value in group.attrib.items() if key.endswith("}element")]
    named = list(dict.fromkeys(named))
    return Drawing(torch.stack(strokes), tuple(named[1:]))


def _polyline(d: str) -> Tensor:
    pen = _Polyline(None)
    parse_path(d, pen)
    return torch.tensor(pen.points)


class _Polyline(BasePen):
    """Collects an SVG path as points, eight to a curve."""

    def __init__(self, glyphs):
        super().__init__(glyphs)
        self.points: list[tuple[float, float]] = []

    def _moveTo(self, pt):
        self.points.append(pt)

    def _lineTo(self, pt):
        self.points.append(pt)

    def _curveToOne(self, pt1, pt2, pt3):
        start = self.points[-1]
        for i in range(1, 9):
            t = i / 8
            weights = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3
            x, y = (sum(w * p[k] for w, p in zip(weights, (start, pt1, pt2, pt3))) for k in (0, 1))
            self.points.append((x, y))
