"""Readers' ways through the lessons with widgets: run all cells, then move something."""

import pytest
from lab import shown, until, wait_for_change
from pads import clear, draw


def lesson(folder, number: str) -> str:
    """A lesson's file name; a missing lesson is a failure."""
    found = sorted(path.name for path in folder.glob(f"{number}_*.ipynb"))
    assert found, f"there is no lesson notebooks/{number}_*.ipynb"
    return found[0]


def test_lesson_00_recognises_a_drawing(lab, folder):
    lab.open(lesson(folder, "00"))
    lab.run_all()
    widget = lab.widget("p[role=status]:visible")
    widget.get_by_role("button", name="Use the prepared drawings").click()
    until(lambda: "looks most like" in shown(widget)[1], 300, "a recognised drawing")
    lab.shoot(widget, "lesson-00-recorded")
    before = shown(widget)
    clear(widget, 5)
    missing = wait_for_change(widget, before)
    assert "last pad" in missing[1]
    draw(widget, 5, [(20, 20), (85, 25), (45, 60), (80, 90)])
    recognised = wait_for_change(widget, missing)
    assert "looks most like" in recognised[1]
    lab.shoot(widget, "lesson-00-drawn")


@pytest.mark.parametrize("number", ["03", "04"])
def test_a_slider_of_the_lesson_moves_picture_and_words(lab, folder, number):
    lab.open(lesson(folder, number))
    lab.run_all()
    widget = lab.widget(".noUi-handle")
    before = shown(widget)
    handle = widget.locator(".noUi-handle").first
    for _ in range(5):  # one press may change less than the words can say
        handle.focus()
        handle.press("ArrowRight")
        lab.wait_idle()
        try:
            wait_for_change(widget, before, seconds=60)
            break
        except AssertionError:
            continue
    else:
        pytest.fail(f"five presses of an arrow key changed nothing: {before[1]}")
    lab.shoot(widget, f"lesson-{number}")
