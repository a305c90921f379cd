"""What kanji are made of, as KanjiVG says it: named parts, the places where they stand, the kinds of strokes."""

import functools
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from metalearn_course.datasets import kanji

# KanjiVG's words for places. A frame (kamae), a hanging part (tare) and a sweeping one (nyo) go around what has
# the same word with a c; where that is left out, what stands beside a part that goes around has no place at all.
AROUND, INSIDE = {"kamae", "tare", "nyo"}, {"kamaec", "tarec", "nyoc"}


class Part(NamedTuple):
    """A named part of a character."""

    name: str  # most are characters of their own
    places: tuple[str, ...]  # from the whole character inwards: ("left", "top") stands at the top of what is left
    depth: int  # 1 for the outermost named parts, 2 for the named parts of those, and so on


class Composition(NamedTuple):
    """How a character is put together."""

    parts: tuple[Part, ...]  # at every level, each before its own parts; without the character itself
    layout: tuple[str, ...]  # the places of the outermost groups, in the order of writing
    strokes: tuple[str, ...]  # the kind of every stroke, in the order of writing
    complete: bool  # whether every stroke belongs to a named part


@functools.cache
def load_compositions(most: int = 12) -> dict[str, Composition]:
    """The composition of every character of `kanji.load(most=most)`, by class name."""
    return {name: composition(text) for name, text in kanji.svg_texts(most)}


def composition(svg: str) -> Composition:
    """How the character of one of KanjiVG's files is put together."""
    root = ElementTree.fromstring(svg)
    whole = next(group for group in root.iter() if group.tag.endswith("}g") and _word(group, "element"))
    strokes = tuple(_kind(path) for path in whole.iter() if _is_stroke(path))
    layout = tuple(place for child in whole for place in _places(child))
    parts = tuple(part for part in _parts(whole, (), 1, set()) if part.name != _word(whole, "element"))
    return Composition(parts, layout, strokes, complete=not any(_nameless(whole)))


def _parts(group, places: tuple[str, ...], depth: int, begun: set) -> Iterator[Part]:
    """The named parts inside a group that stands at `places`; a part in several pieces comes once."""
    framed = any(_places(child) == ("around",) for child in group)
    for child in group:
        here = places + (_places(child) or ("inside",) * framed)
        name = _word(child, "element")
        piece = (name, _word(child, "number"))
        if name and not (piece in begun and _word(child, "part") not in ("", "1")):
            begun.add(piece)
            yield Part(name, here, depth)
        yield from _parts(child, here, depth + bool(name), begun)


def _nameless(group) -> Iterator[bool]:
    """True for every stroke of a group that no named part holds."""
    for child in group:
        if _is_stroke(child):
            yield True
        elif not _word(child, "element"):
            yield from _nameless(child)


def _places(group) -> tuple[str, ...]:
    word = _word(group, "position")
    return ("around" if word in AROUND else "inside" if word in INSIDE else word,) if word else ()


def _kind(stroke) -> str:
    """The first of the kinds that a stroke may be, without the letter of its variant."""
    return _word(stroke, "type").split("/")[0].rstrip("abcdefgv")


def _is_stroke(element) -> bool:
    return element.tag.endswith("}path")


def _word(element, name: str) -> str:
    """An attribute of KanjiVG's own; "" without. Its files name two namespaces for kvg:, so the local name counts."""
    return next((value for key, value in element.attrib.items() if key.endswith(f"}}{name}")), "")


def compose(parts: Sequence[tuple[str, str]], made: Mapping[str, Composition]) -> Composition:
    """The composition of a character that nobody need have written: (name, place) of each outermost part.

    Whatever a part is made of itself comes with it, and so do its strokes. KeyError for a part without composition.
    """
    found: list[Part] = []
    for name, place in parts:
        inner = (Part(part.name, (place, *part.places), part.depth + 1) for part in made[name].parts)
        found += [Part(name, (place,), 1), *inner]
    strokes = tuple(kind for name, _ in parts for kind in made[name].strokes)
    return Composition(tuple(found), tuple(place for _, place in parts), strokes, complete=True)
