"""What the README says of numbers, files and commands."""

import re
from pathlib import Path

from metalearn_course.cli.main import read
from metalearn_course.ledger import records

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_measured_runs_is_the_ledger():
    said = dict(re.findall(r"^\| `([\w-]+)` \| (.*) \|$", TEXT, re.MULTILINE))
    assert set(said) == set(records.entries())
    for name, entry in records.entries().items():
        figures = [
            f"{100 * entry[k]['accuracy']:.2f} ± {100 * entry[k]['ci95']:.2f}" for k in ("transductive", "inductive")
        ]
        figures += [f"{100 * entry['published']['accuracy']:.1f}"] if "published" in entry else []
        run = f"{entry['train']['steps']:,} steps, {entry['train']['seconds'] / 60:.0f} min"
        assert all(figure in said[name] for figure in [*figures, run]), name


def test_every_link_into_the_repository_leads_somewhere():
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in link]
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_lesson_is_in_the_table():
    lessons = {path.name for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert lessons == set(re.findall(r"\(notebooks/(\w+\.ipynb)\)", TEXT))


def test_the_commands_are_understood():
    commands = re.findall(r"^python -m metalearn_course (.*)$", TEXT, re.MULTILINE)
    assert commands
    for command in commands:
        read(command.split())


def test_the_commands_of_the_ledger_are_understood():
    for entry in records.entries().values():
        read(entry["train"]["command"].split("metalearn_course ")[1].split())
