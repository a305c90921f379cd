"""Classes taught by drawing: the model, and what its view shows."""

import pytest

from metalearn_course.ledger import load_pretrained
from metalearn_course.lessons.explorers import OwnClassesExplorer, drawing
from metalearn_course.lessons.widgets import OwnClassesView


@pytest.fixture
def model():
    return OwnClassesExplorer(load_pretrained("omniglot-protonet-5w1s"))


def test_a_drawing_is_named_once_two_classes_are_taught(model):
    symbols, redrawn = drawing.recorded()
    assert "0 of at least two" in model.look(redrawn[0]).summary
    for number in range(3):
        model.teach(f"s{number}", symbols[number])
    assert [model.look(redrawn[number]).answer.name for number in range(3)] == ["s0", "s1", "s2"]
    model.forget("s1")
    assert set(model.look(redrawn[0]).answer.probabilities) == {"s0", "s2"}


def test_what_cannot_be_taught_or_forgotten_is_said(model):
    with pytest.raises(ValueError, match="name first"):
        model.teach(" ", drawing.recorded()[0][0])
    with pytest.raises(ValueError, match="no class"):
        model.forget("x")


def test_the_threshold_makes_drawings_none_of_these(model):
    view = OwnClassesView(model)
    view.use_example()
    assert "The drawing: symbol 2" in view.summary.value
    model.threshold = 2.0  # no cosine is so large
    view._changed()
    assert "none of these" in view.summary.value


def test_the_buttons_teach_and_forget_and_tell_mistakes(model):
    view = OwnClassesView(model)
    view.pad.strokes = drawing.recorded()[0][0]
    view.teach.click()
    assert 'role="alert"' in view.summary.value and "name first" in view.summary.value
    view.name.value = "spiral"
    view.teach.click()
    assert 'role="status"' in view.summary.value and list(model.pictures) == ["spiral"] and view.pad.strokes == []
    view.forget.click()
    assert model.pictures == {}
