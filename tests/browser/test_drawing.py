"""The drawing task by mouse, finger and keyboard, in a notebook of two lines."""

import nbformat
import pytest
from lab import shown, until, wait_for_change
from pads import clear, draw, n_strokes, paper, touch

SOURCE = """from metalearn_course import learners
from metalearn_course.lessons import widgets
widgets.DrawingTask(learners.load_pretrained("omniglot-maml-5w1s"))"""
SHAPES = [
    [[(50, 10), (50, 100)]],  # a stem
    [[(20, 20), (90, 20), (90, 90), (20, 90), (20, 20)]],  # a box
    [[(15, 15), (95, 95)], [(95, 15), (15, 95)]],  # a cross
    [[(20, 20), (85, 25), (25, 85), (90, 90)]],  # a Z
    [[(15, 20), (50, 90), (90, 20)], [(15, 55), (95, 55)]],  # a V with a bar
]
CROSS_AGAIN = [[(92, 22), (20, 90)], [(22, 18), (90, 98)]]


@pytest.fixture
def widget(lab, folder):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # without it JupyterLab asks which
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(SOURCE)], metadata=kernel)
    nbformat.write(notebook, folder / "scratch.ipynb")
    lab.open("scratch.ipynb")
    lab.run_all()
    return lab.widget(".drawpad-paper")


def test_five_symbols_drawn_by_mouse_teach_the_learner_a_sixth_drawing(lab, widget):
    empty = shown(widget)
    assert "symbols 1, 2, 3, 4 and 5" in empty[1]
    lab.shoot(widget, "pads-empty")
    for number, strokes in enumerate(SHAPES):
        draw(widget, number, *strokes)
    until(lambda: "last pad" in shown(widget)[1], 300, "five symbols")
    before = shown(widget)
    draw(widget, 5, *CROSS_AGAIN)
    words = wait_for_change(widget, before)[1]
    until(lambda: "most like symbol 3" in shown(widget)[1], 300, f"the cross to be known; seen: {words}")
    lab.shoot(widget, "pads-drawn")


def test_undo_and_clear_by_button(widget):
    draw(widget, 0, *SHAPES[2])
    assert n_strokes(widget, 0) == 2
    until(lambda: "symbols 2, 3" in shown(widget)[1], 300, "one symbol less")
    widget.get_by_role("button", name="undo the last stroke of symbol 1").click()
    assert n_strokes(widget, 0) == 1
    clear(widget, 0)
    assert n_strokes(widget, 0) == 0
    until(lambda: "symbols 1, 2" in shown(widget)[1], 300, "an empty pad")


def test_a_finger_draws_and_the_page_stays(widget):
    before = shown(widget)
    top = paper(widget, 1).bounding_box()["y"]
    touch(widget, 1, [(50, 20), (50, 50), (52, 90)])
    assert n_strokes(widget, 1) == 1
    wait_for_change(widget, before)
    assert paper(widget, 1).bounding_box()["y"] == top


def test_keys_draw_and_jupyterlab_leaves_them_alone(lab, widget):
    before, page = shown(widget), widget.page
    paper(widget, 0).focus()
    for key in ["Space", *["ArrowDown"] * 5, *["Shift+ArrowRight"] * 3, "Space"]:
        page.keyboard.press(key)
    assert n_strokes(widget, 0) == 1
    wait_for_change(widget, before)
    page.keyboard.press("ArrowUp")  # pen up: moves, draws nothing
    assert n_strokes(widget, 0) == 1
    page.keyboard.press("Space")  # pen down
    lab.shoot(widget, "pads-keyboard")
    page.keyboard.press("Tab")  # leaves the pad, and lifts the pen: a dot
    assert n_strokes(widget, 0) == 2
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "undo the last stroke of symbol 1"
    page.keyboard.press("Space")
    assert n_strokes(widget, 0) == 1
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert n_strokes(widget, 0) == 0
    paper_label = paper(widget, 0).get_attribute("aria-label")
    assert "symbol 1" in paper_label and "space puts the pen down" in paper_label
