"""The house: imports go one way, so that a room can be understood without those above it."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "metalearn_course"
FLOORS = [  # a room may import from its own floor and from those below
    {"common"},
    {"episode", "functional", "nets"},
    {"datasets"},
    {"sampling"},
    {"learners"},
    {"training", "evaluation"},
    {"ledger", "applications"},
    {"lessons", "homework"},
    {"cli", "__main__"},
]
HEIGHT = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
DRAWING = {"ipywidgets": {"lessons/widgets"}, "matplotlib": {"lessons/widgets", "lessons/plots", "lessons/sketches"}}


def rooms_of(path: Path) -> list[str]:
    """The rooms of the package that a file imports when it is imported itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    modules = []
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "metalearn_course":
            modules += [f"metalearn_course.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules.append(node.module or "")
        elif isinstance(node, ast.Import):
            modules += [alias.name for alias in node.names]
    return [module.split(".")[1] for module in modules if module.startswith("metalearn_course.")]


def outside(path: Path) -> set[str]:
    """Packages of others that a file imports at module level."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    found = {a.name.split(".")[0] for n in tree.body if isinstance(n, ast.Import) for a in n.names}
    return found | {(n.module or "").split(".")[0] for n in tree.body if isinstance(n, ast.ImportFrom)}


FILES = [path for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]


def room(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def test_every_room_has_a_floor():
    assert {room(path) for path in FILES} <= set(HEIGHT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_down(path):
    mine = room(path)
    above = [other for other in rooms_of(path) if HEIGHT[other] > HEIGHT[mine]]
    assert above == [], f"{mine} imports from {above}, which stand above it"


@pytest.mark.parametrize("package", DRAWING)
def test_only_few_places_draw(package):
    users = {p.relative_to(PACKAGE).with_suffix("").as_posix() for p in FILES if package in outside(p)}
    strangers = [user for user in users if not any(user.startswith(place) for place in DRAWING[package])]
    assert users and strangers == []
