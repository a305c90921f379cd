"""The embedded characters: what they promise, and how they come about from the strokes of KanjiVG."""

import importlib.metadata
from types import SimpleNamespace

import pytest
import torch

from metalearn_course.datasets import kanji as module
from metalearn_course.datasets.strokes import render
from metalearn_course.sampling import EpisodeSampler


@pytest.fixture(scope="module")
def drawings(kanji):
    return module.load_drawings()


# The dataset ---------------------------------------------------------------------------------


def test_there_are_about_1787_characters_with_20_pictures_each(kanji):
    assert abs(len(kanji) - 1787) < 20 and set(kanji.counts.tolist()) == {20}
    assert kanji.images.shape == (20 * len(kanji), 1, 28, 28) and kanji.images.dtype == torch.uint8
    assert len(set(kanji.names)) == len(kanji)
    assert all(len(name) == 1 and "\u4e00" <= name <= "\u9fff" for name in kanji.names)


def test_ink_is_high_and_paper_is_0(kanji):
    ink = kanji.images.flatten(1)
    assert (ink.amax(1) > 200).all()  # every picture shows something, and with a full pen
    paper = (ink == 0).sum(1) / ink.shape[1]
    assert (paper > 0.2).all() and paper.mean() > 0.5


def test_characters_that_look_the_same_share_a_group(kanji):
    group = dict(zip(kanji.names, kanji.groups))
    assert group["未"] == group["末"] and group["已"] == group["巳"] and group["大"] == group["太"]
    assert len({group[name] for name in "未土山川口"}) == 5
    assert len(set(kanji.groups)) > 0.9 * len(kanji)  # the exception, not the rule


def test_a_split_keeps_lookalikes_together(kanji):
    for seed in range(3):
        parts = kanji.split(seed=seed)
        assert sum("未" in part.names and "末" in part.names for part in parts) == 1
        assert sum(map(len, parts)) == len(kanji)


def test_no_two_pictures_of_a_character_are_the_same(kanji):
    pictures = kanji.images.view(len(kanji), 20, -1)
    for character in pictures[::50]:
        assert len(character.unique(dim=0)) == 20


def test_nearest_pixels_tell_characters_apart_better_than_chance_but_not_well(kanji):
    episodes = EpisodeSampler(kanji, n_way=5, k_shot=1, n_query=5).sample(200, torch.Generator().manual_seed(0))
    nearest = torch.cdist(episodes.query.x.flatten(2), episodes.support.x.flatten(2)).argmin(-1)
    right = (episodes.support.y.gather(1, nearest) == episodes.query.y).float().mean()
    assert 0.3 < right < 0.8  # chance is 0.2; there is something left to learn


def test_the_pictures_are_the_same_for_a_seed(kanji, drawings):
    """The first batch drawn is the first eight characters of two strokes: draw it again."""
    first = [c for c, name in enumerate(kanji.names) if len(drawings[name].strokes) == module.FEWEST][:8]
    batch = torch.stack([drawings[kanji.names[c]].strokes for c in first])
    stored = kanji.pictures(torch.tensor([first]), torch.arange(20).expand(1, 8, 20))[0, :, :, 0]
    again, _ = module._pictures(batch, torch.Generator().manual_seed(0))
    other, _ = module._pictures(batch, torch.Generator().manual_seed(1))
    torch.testing.assert_close(again / 255, stored, rtol=0, atol=1.01 / 255)  # processors round differently
    assert (other / 255 - stored).abs().mean() > 0.05


# Drawings ------------------------------------------------------------------------------------


def test_every_class_has_its_drawing(kanji, drawings):
    assert tuple(drawings) == kanji.names
    for drawing in drawings.values():
        assert module.FEWEST <= len(drawing.strokes) <= module.MOST and drawing.strokes.shape[1:] == (12, 2)
        assert drawing.strokes.isfinite().all() and drawing.strokes.min() > -5 and drawing.strokes.max() < 114


def test_a_drawing_looks_like_the_pictures_of_its_class(kanji, drawings):
    chosen = range(0, len(kanji), 20)
    mean = torch.stack([kanji.images[20 * c : 20 * c + 20].float().mean(0).flatten() for c in chosen])
    plain = [render(drawings[kanji.names[c]].strokes.unsqueeze(0), torch.tensor([3.0])).flatten() for c in chosen]
    likeness = torch.corrcoef(torch.cat((torch.stack(plain), mean)))[: len(mean), len(mean) :]
    assert (likeness.argmax(1) == torch.arange(len(mean))).float().mean() > 0.9


def test_components_are_the_named_parts(drawings):
    assert {"日", "月"} <= set(drawings["明"].components)
    assert "木" in drawings["休"].components
    assert all(name not in drawing.components for name, drawing in drawings.items())
    assert all(len(set(drawing.components)) == len(drawing.components) for drawing in drawings.values())


# From KanjiVG to strokes ---------------------------------------------------------------------

SVG = """<svg xmlns="http://www.w3.org/2000/svg" xmlns:kvg="http://kanjivg.tagaini.net" width="109" height="109">
<g kvg:element="明"><g kvg:element="日"><path d="M10,10 L10,90"/></g>
<g kvg:element="月"><g kvg:element="日"/><path d="M20,10c0,10,10,10,10,0"/></g></g></svg>"""


def test_a_drawing_is_read_from_its_svg():
    strokes, components = module._drawing(SVG)
    assert components == ("日", "月")  # without itself, each once
    assert strokes.shape == (2, 12, 2)
    torch.testing.assert_close(strokes[0], torch.stack((torch.full((12,), 10.0), torch.linspace(10, 90, 12)), -1))
    torch.testing.assert_close(strokes[1][[0, -1]], torch.tensor([[20.0, 10.0], [30.0, 10.0]]))


def test_curves_become_points_on_the_bezier():
    points = module._polyline("M0,0 C0,8 8,8 8,0 l2,0")
    t = torch.linspace(0, 1, 9)
    on_curve = torch.stack((24 * t**2 * (1 - t) + 8 * t**3, 24 * t * (1 - t)), -1)
    torch.testing.assert_close(points, torch.cat((on_curve, torch.tensor([[10.0, 0.0]]))))


def test_likeness_joins_groups_in_chains_and_leaves_others_alone():
    blob = torch.zeros(4, 28, 28)
    for picture, left in zip(blob, (4, 5, 6, 18)):
        picture[4:24, left : left + 8] = 1
    assert module._groups(list("abcd"), blob) == ["a", "a", "a", "d"]


def test_an_empty_kanjivg_is_an_error_with_a_remedy(own_cache, tmp_path, monkeypatch):
    empty = SimpleNamespace(version="0", locate_file=lambda name: tmp_path / name)
    monkeypatch.setattr(importlib.metadata, "distribution", lambda name: empty)
    with pytest.raises(FileNotFoundError, match="no characters in .*install the package kanjivg again"):
        module.load()


def test_the_threads_of_torch_are_given_back():
    before = torch.get_num_threads()
    with pytest.raises(KeyboardInterrupt), module._one_thread():
        assert torch.get_num_threads() == 1
        raise KeyboardInterrupt
    assert torch.get_num_threads() == before
