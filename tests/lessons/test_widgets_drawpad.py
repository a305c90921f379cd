"""The drawing pad and the drawing task: strokes to pictures, recognition, the view. Browsers: tests/browser."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from metalearn_course import learners, nets
from metalearn_course.datasets import strokes as pens
from metalearn_course.episode import LabelledSet
from metalearn_course.lessons.explorers import DrawingExplorer
from metalearn_course.lessons.explorers.drawing import PEN, percent, picture, recorded
from metalearn_course.lessons.widgets import DrawingTask, DrawPad

ROOT = Path(__file__).parents[2]
SYMBOLS, REDRAWN = recorded()


@pytest.fixture(scope="module")
def learner():
    return learners.load_pretrained("omniglot-maml-5w1s")


@pytest.fixture
def view(learner) -> DrawingTask:
    return DrawingTask(learner)


def moved(drawing, scale=1.0, dx=0.0, dy=0.0):
    return [[[scale * x + dx, scale * y + dy] for x, y in stroke] for stroke in drawing]


# Strokes to pictures ------------------------------------------------------------------------


@pytest.mark.parametrize("drawing", SYMBOLS + REDRAWN)
def test_where_and_how_large_it_is_drawn_does_not_matter(drawing):
    small_in_a_corner = moved(drawing, scale=0.3, dx=60, dy=5)
    torch.testing.assert_close(picture(small_in_a_corner), picture(drawing), atol=1e-3, rtol=0)


def test_the_order_and_the_direction_of_strokes_do_not_matter():
    drawing = SYMBOLS[0]
    assert torch.equal(picture(drawing[::-1]), picture(drawing))
    backwards = [stroke[::-1] for stroke in drawing]
    torch.testing.assert_close(picture(backwards), picture(drawing), atol=0.02, rtol=0)


def test_another_stroke_only_adds_ink():
    frame = [[[10, 10], [90, 10]], [[10, 90], [90, 90]]]
    more = [*frame, [[10, 10], [90, 90]]]
    assert bool((picture(more) >= picture(frame)).all())
    assert picture(more).sum() > picture(frame).sum() + 10


def test_a_picture_is_that_of_the_kanji_renderer():
    """A drawing that fills the box already is rendered as it is: same code, same pen."""
    drawing = [[[12.5, 12.5], [96.5, 96.5]], [[96.5, 12.5], [12.5, 96.5]]]
    expected = pens.render(torch.tensor(drawing).unsqueeze(0), torch.tensor([PEN]))
    torch.testing.assert_close(picture(drawing), expected, atol=1e-4, rtol=0)
    assert picture(drawing).shape == (1, 28, 28)


def test_drawings_fill_the_picture_as_kanji_do(kanji):
    def sides(pictures):
        ink = pictures[:, 0] > 0.5
        return torch.stack((ink.any(1).sum(1), ink.any(2).sum(1))).amax(0).float()

    ours = sides(torch.stack([picture(drawing) for drawing in SYMBOLS + REDRAWN]))
    theirs = sides(kanji.images.float() / 255)
    low, high = theirs.quantile(torch.tensor([0.05, 0.95]))
    assert bool(((ours >= low) & (ours <= high)).all())


@pytest.mark.parametrize("dot", [[[[3, 100]]], [[[3, 100], [3, 100]]]])
def test_a_dot_is_one_dot_in_the_middle(dot):
    ink = picture(dot)[0]
    assert 0 < ink.sum() < 9
    assert torch.equal(ink, ink.flip(0)) and torch.equal(ink, ink.T)


def test_a_long_stroke_keeps_its_bends():
    """A zigzag of one stroke looks like the same zigzag of many."""
    corners = [[15 * i, 10 + 80 * (i % 2)] for i in range(8)]
    pieces = [list(pair) for pair in zip(corners, corners[1:])]
    assert (picture([corners]) - picture(pieces)).abs().mean() < 0.02


@pytest.mark.parametrize(
    ("drawing", "message"),
    [
        ([], "empty"),
        ("scribble", "list of strokes"),
        ([[1, 2]], r"a point is \[x, y\]"),
        ([[[1, 2, 3]]], "two finite numbers"),
        ([[[1, float("nan")]]], "two finite numbers"),
        ([[[1, "2"]]], "two finite numbers"),
        ([[]], "no points"),
        ([None], r"list of \[x, y\] points"),
    ],
)
def test_what_is_no_drawing_is_refused(drawing, message):
    with pytest.raises(ValueError, match=message):
        picture(drawing)


# The model -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["omniglot-maml-5w1s", "kanji-maml-5w1s"])
def test_pretrained_learners_know_the_redrawn_symbols(name):
    explorer = DrawingExplorer(learners.load_pretrained(name))
    guesses = [int(explorer.recognise(SYMBOLS, drawing).probabilities.argmax()) for drawing in REDRAWN]
    assert np.mean([guess == label for label, guess in enumerate(guesses)]) >= 0.8


def test_the_learner_knows_most_of_many_hands(learner):
    """Not only the recorded ones: both drawings of each symbol varied as the kanji are, 20 times."""
    generator, explorer, right = torch.Generator().manual_seed(0), DrawingExplorer(learner), []

    def by_another_hand(drawing):
        lines = [torch.tensor(stroke * 2 if len(stroke) == 1 else stroke).float() for stroke in drawing]
        lines = torch.stack([pens.resample(line, 32) for line in lines])
        return picture(pens.vary(lines.unsqueeze(0), generator)[0].tolist())

    for _ in range(20):
        support = torch.stack([by_another_hand(drawing) for drawing in SYMBOLS])
        guesses = [int(explorer.probabilities(support, by_another_hand(drawing)).argmax()) for drawing in REDRAWN]
        right += [guess == label for label, guess in enumerate(guesses)]
    assert np.mean(right) > 0.85


def test_probabilities_are_those_of_adapt(learner):
    shown = DrawingExplorer(learner).recognise(SYMBOLS, REDRAWN[1])
    support = torch.stack([picture(drawing) for drawing in SYMBOLS])
    predict = learner.adapt(LabelledSet(support, torch.arange(5)), norm="support")
    expected = predict(picture(REDRAWN[1]).unsqueeze(0)).softmax(1)[0]
    torch.testing.assert_close(shown.probabilities, expected)
    assert shown.probabilities.sum().item() == pytest.approx(1, abs=1e-5)


def test_the_summary_says_what_is_missing(learner):
    recognise = DrawingExplorer(learner).recognise
    nothing = recognise([[]] * 5, [])
    assert "symbols 1, 2, 3, 4 and 5, then one of the five again" in nothing.summary
    assert nothing.probabilities is None
    assert "symbols 2 and 5," in recognise([SYMBOLS[0], [], *SYMBOLS[2:4], []], []).summary
    assert recognise([*SYMBOLS[:4], []], REDRAWN[0]).summary == "Still to draw: symbol 5."
    assert "last pad" in recognise(SYMBOLS, []).summary
    assert "most like symbol 4" in recognise(SYMBOLS, SYMBOLS[3]).summary


def test_no_certainty_in_words():
    assert [percent(p) for p in (1.0, 0.996, 0.87, 0.006, 0.004)] == [
        "over 99 %",
        "over 99 %",
        "87 %",
        "1 %",
        "under 1 %",
    ]


def test_another_number_of_classes_or_drawings_is_refused(learner):
    with pytest.raises(ValueError, match="5-way"):
        DrawingExplorer(learners.MAML(nets.Conv4(hidden=8), n_way=3))
    with pytest.raises(ValueError, match="give 5"):
        DrawingExplorer(learner).recognise(SYMBOLS[:4], SYMBOLS[0])


def test_recorded_drawings_lie_in_the_box_and_each_is_drawn_twice():
    assert len(SYMBOLS) == len(REDRAWN) == 5
    for drawing in SYMBOLS + REDRAWN:
        points = np.concatenate([np.array(stroke) for stroke in drawing])
        assert points.min() >= 0 and points.max() <= pens.BOX
    for first, second in zip(SYMBOLS, REDRAWN):
        assert not torch.equal(picture(first), picture(second))


# The view ------------------------------------------------------------------------------------


def test_a_new_pad_is_empty_and_says_so(view):
    assert [pad.strokes for pad in view.pads] == [[]] * 6
    assert 'role="status"' in view.summary.value and "Still to draw" in view.summary.value


def test_drawing_on_a_pad_changes_picture_and_words(view):
    for number, pad in enumerate(view.pads):
        picture_before, words_before = view.picture.value, view.summary.value
        pad.strokes = [*SYMBOLS, REDRAWN[3]][number]
        assert view.picture.value != picture_before
        assert view.summary.value != words_before
    assert "most like symbol 4" in view.summary.value


def test_the_recorded_drawings_fill_all_pads_and_another_press_asks_for_another(view):
    view.recorded.click()
    assert [pad.strokes for pad in view.pads] == [*SYMBOLS, REDRAWN[2]]
    assert "most like symbol 3" in view.summary.value
    view.recorded.click()
    assert view.query.strokes == REDRAWN[0]
    assert "most like symbol 1" in view.summary.value
    view.use_recorded(5)
    assert "most like symbol 5" in view.summary.value


def test_undo_and_clear(view):
    view.use_recorded(1)
    assert len(view.query.strokes) == 3
    picture_before = view.picture.value
    view.query.undo()
    assert view.query.strokes == REDRAWN[0][:2]
    assert view.picture.value != picture_before
    view.query.clear()
    assert view.query.strokes == []
    assert "last pad" in view.summary.value
    view.query.undo()  # nothing left to undo
    assert view.query.strokes == []


def test_a_pad_refuses_what_is_no_drawing_and_keeps_what_it_had():
    pad = DrawPad(strokes=SYMBOLS[0])
    with pytest.raises(ValueError, match="a point is"):
        pad.strokes = [[1, 2]]
    assert pad.strokes == SYMBOLS[0]


def test_pads_are_told_apart_by_name(view):
    assert len({pad.name for pad in view.pads}) == 6


def test_the_bars_are_the_probabilities(view):
    view.use_recorded(2)
    widths = [bar.get_width() for bar in view.bars]
    expected = view.model.recognise(SYMBOLS, REDRAWN[1]).probabilities
    np.testing.assert_allclose(widths, 100 * expected.numpy(), rtol=1e-5)
    assert Image.open(io.BytesIO(view.picture.value)).size == (800, 168)
    view.query.clear()
    assert not any(bar.get_width() for bar in view.bars)


# What travels with the package -----------------------------------------------------------------


def test_nothing_is_fetched_from_elsewhere():
    for name in ("drawpad.js", "drawpad.css"):
        text = (ROOT / "metalearn_course" / "lessons" / "widgets" / name).read_text(encoding="utf-8")
        outside = set(re.findall(r"https?://[^\s\"']+", text)) - {"http://www.w3.org/2000/svg"}
        assert not outside
        assert not re.search(r"^import |@import|url\(", text, re.MULTILINE)
