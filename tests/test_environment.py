"""environment.yml, pyproject.toml and constraints.txt name the same dependencies."""

import ast
import json
import re
import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).parent.parent
CONDA_NAMES = {"pytorch": "torch"}  # where conda-forge has another name than the package index


def pyproject() -> dict[str, Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    optional = project["optional-dependencies"]
    wanted = map(Requirement, project["dependencies"] + optional["test"] + optional["homework"] + optional["site"])
    return {requirement.name: requirement for requirement in wanted}


def conda() -> dict[str, Requirement]:
    lines = re.findall(r"^ +- ([a-z].*[^:])$", (ROOT / "environment.yml").read_text(encoding="utf-8"), re.MULTILINE)
    found = {r.name: r for r in map(Requirement, lines) if r.name not in ("conda-forge", "python", "pip")}
    return {CONDA_NAMES.get(name, name): requirement for name, requirement in found.items()}


def constraints() -> dict[str, Requirement]:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return {r.name: r for r in (Requirement(line) for line in lines if line and not line.startswith("#"))}


def test_the_three_files_name_the_same_dependencies():
    assert set(pyproject()) == set(conda()) == set(constraints())


def test_lower_bounds_agree_and_the_pins_lie_above_them():
    for name, requirement in pyproject().items():
        assert requirement.specifier == conda()[name].specifier, name
        pin = str(constraints()[name].specifier).removeprefix("==")
        assert Version(pin) in requirement.specifier, name


def test_the_pins_have_no_addresses():
    assert "://" not in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def imported(source: str) -> set[str]:
    """Top-level packages that a program imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module.split(".")[0])
    return found


def lesson_code() -> list[str]:
    """The code of all lessons, cell by cell, without the cells that are meant to fail."""
    cells = [
        c
        for path in (ROOT / "notebooks").glob("*.ipynb")
        for c in json.loads(path.read_text(encoding="utf-8"))["cells"]
    ]
    tags = [c["metadata"].get("tags", []) for c in cells]
    return [
        "".join(c["source"]) for c, t in zip(cells, tags) if c["cell_type"] == "code" and "raises-exception" not in t
    ]


def test_every_import_of_the_package_and_the_lessons_is_a_dependency():
    names = {"PIL": "pillow", "fontTools": "fonttools", "sklearn": "scikit-learn"}
    sources = [path.read_text(encoding="utf-8") for path in (ROOT / "metalearn_course").rglob("*.py")] + lesson_code()
    imports = set().union(*map(imported, sources))
    outside = {names.get(m, m) for m in imports - set(sys.stdlib_module_names)} - {"metalearn_course", "IPython"}
    outside -= {"resvg_py"}  # for whoever draws the emoji anew, not for readers
    assert "sympy" in outside  # the lessons are looked at too
    assert outside <= set(pyproject())


def test_python_versions_agree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert f"python{project['requires-python']}" in (ROOT / "environment.yml").read_text(encoding="utf-8")
