"""What KanjiVG says of how characters are put together, read from its files."""

import pytest

from metalearn_course.datasets import kanji_parts
from metalearn_course.datasets.kanji_parts import Part

HEAD = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:kvg="http://kanjivg.tagaini.net"><g id="kvg:StrokePaths">'


def read(inside: str) -> kanji_parts.Composition:
    return kanji_parts.composition(f'{HEAD}<g kvg:element="whole">{inside}</g></g></svg>')


@pytest.fixture(scope="module")
def compositions():
    return kanji_parts.load_compositions(most=9)


def test_parts_come_with_their_places_from_the_whole_inwards():
    made = read(
        '<g kvg:element="a" kvg:position="left"><path kvg:type="㇐"/></g>'
        '<g kvg:position="right"><g kvg:element="b" kvg:position="top"><path kvg:type="㇑a"/></g></g>'
    )
    assert made.parts == (Part("a", ("left",), 1), Part("b", ("right", "top"), 1))
    assert made.layout == ("left", "right") and made.strokes == ("㇐", "㇑") and made.complete


def test_a_part_of_a_part_is_deeper_and_a_nameless_group_is_not_a_level():
    made = read('<g kvg:element="a"><g><g kvg:element="b"><path kvg:type="㇔/㇏"/></g></g></g>')
    assert [(part.name, part.depth) for part in made.parts] == [("a", 1), ("b", 2)]
    assert made.strokes == ("㇔",)


def test_a_part_written_in_two_pieces_is_one_part_and_one_written_twice_is_two():
    pieces = '<g kvg:element="a" kvg:part="{}"><path kvg:type="㇐"/></g>'
    assert len(read(pieces.format(1) + pieces.format(2)).parts) == 1
    assert len(read(pieces.format(1) + pieces.format(1)).parts) == 2


def test_what_stands_beside_a_frame_is_inside_it_even_where_that_is_left_out():
    made = read('<g kvg:element="a" kvg:position="kamae"/><g kvg:element="b"/>')
    assert made.parts == (Part("a", ("around",), 1), Part("b", ("inside",), 1))
    assert read('<g kvg:element="a" kvg:position="nyoc"/>').parts[0].places == ("inside",)


def test_a_stroke_outside_of_every_named_part_makes_it_incomplete():
    assert read('<g kvg:element="a"><g><path kvg:type="㇐"/></g></g>').complete
    assert not read('<g kvg:element="a"/><g><path kvg:type="㇐"/></g>').complete


def test_every_character_has_one(compositions, kanji):
    assert tuple(compositions) == kanji.names
    assert all(2 <= len(made.strokes) <= 9 for made in compositions.values())
    assert all(name not in {part.name for part in made.parts} for name, made in compositions.items())


def test_real_characters_are_put_together_as_one_sees(compositions):
    assert [(p.name, p.places) for p in compositions["杏"].parts] == [("木", ("top",)), ("口", ("bottom",))]
    assert [(p.name, p.places) for p in compositions["呆"].parts] == [("口", ("top",)), ("木", ("bottom",))]
    assert [p.name for p in compositions["林"].parts] == ["木", "木"]
    assert {p.name: p.places for p in compositions["国"].parts}["玉"] == ("inside",)


def test_what_is_composed_is_what_was_read(compositions):
    for name, parts in {"杏": [("木", "top"), ("口", "bottom")], "明": [("日", "left"), ("月", "right")]}.items():
        assert kanji_parts.compose(parts, compositions) == compositions[name]


def test_a_composed_part_brings_its_own_parts_and_strokes(compositions):
    made = kanji_parts.compose([("林", "top"), ("口", "bottom")], compositions)
    assert made.parts[:3] == (Part("林", ("top",), 1), Part("木", ("top", "left"), 2), Part("木", ("top", "right"), 2))
    assert len(made.strokes) == 11 and made.layout == ("top", "bottom")
