"""docs/docstrings.py turns plain docstrings into what Sphinx reads."""

import importlib.util
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
spec = importlib.util.spec_from_file_location("docstrings", ROOT / "docs" / "docstrings.py")
docstrings = importlib.util.module_from_spec(spec)
spec.loader.exec_module(docstrings)


class Pair(NamedTuple):
    """Two numbers."""

    first: float  # in nats
    second: float


def processed(text: str, what: str = "function", it=None) -> list[str]:
    lines = text.splitlines()
    docstrings.process(None, what, "name", it, None, lines)
    return lines


def test_code_stays_code_and_nothing_else_is_markup():
    assert processed("`x_y` times a*b_ |c|.") == [r"``x_y`` times a\*b\_ \|c\|.", ""]


def test_entries_become_a_list_with_their_further_lines():
    assert processed("What it does.\n\nlr: a rate,\n    constant\nclip: a norm") == [
        *("What it does.", ""),
        *("", "* lr: a rate,", "  constant", "* clip: a norm", ""),
    ]


def test_an_example_stays_as_it_is():
    assert processed("Sum.\n\n>>> a_b * 2\n[\n  4]")[2:] == [">>> a_b * 2", "[", "  4]", ""]


def test_a_class_says_its_fields():
    assert "* ``first``: in nats" in processed("Two numbers.", "class", Pair)


def test_anchors_become_targets():
    assert docstrings.targets('| <a id="task"></a>task | 任务 |') == "| []{#task}task | 任务 |"
