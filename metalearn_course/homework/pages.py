"""The marks of a class as a table (CSV) and as a page per student (HTML); all text of students' is quoted."""

import csv
import re
from html import escape
from pathlib import Path

STYLE = """body {font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem;
  color-scheme: light dark}
table {border-collapse: collapse; width: 100%} td, th {text-align: left; padding: .4rem; vertical-align: top;
  border-bottom: 1px solid #8886} td:nth-child(2) {white-space: nowrap}"""


def write(results: list, out: Path) -> None:
    """OUT/marks.csv, OUT/index.html and a page per result."""
    out.mkdir(parents=True, exist_ok=True)
    names = [f"{number:03d}-{_slug(result.student)}-{result.homework}.html" for number, result in enumerate(results, 1)]
    with open(out / "marks.csv", "w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(table(results))
    for name, result in zip(names, results):
        (out / name).write_text(page(result), encoding="utf-8", errors="replace")
    rows = "".join(
        f'<tr><td><a href="{name}">{escape(result.student)}</a></td><td>{result.homework}</td>'
        f"<td>{result.total:g} of {result.possible:g}</td></tr>"
        for name, result in zip(names, results)
    )
    (out / "index.html").write_text(_html("Marks", f"<table>{rows}</table>"), encoding="utf-8", errors="replace")


def table(results: list) -> list[list]:
    """A row per result under a header; a column per test of any homework in it."""
    tests = list(dict.fromkeys((r.homework, one.test) for r in results for one in r.marks))
    head = ["student", "homework", "points", "possible", "seconds", "note"]
    rows = [[*head, *(f"{homework} {test}" for homework, test in tests)]]
    for r in results:
        points = {(r.homework, one.test): f"{one.points:g}" for one in r.marks}
        first = [_cell(r.student), r.homework, f"{r.total:g}", f"{r.possible:g}", f"{r.seconds:.1f}", _cell(r.note)]
        rows.append([*first, *(points.get(test, "") for test in tests)])
    return rows


def page(result) -> str:
    """What a student reads: points, what went wrong, a hint."""
    rows = ""
    for one in result.marks:
        said = escape(one.message) + (f"<br><em>Hint: {escape(one.hint)}</em>" if one.message and one.hint else "")
        rows += f"<tr><td>{escape(one.test)}</td><td>{one.points:g} of {one.possible:g}</td><td>{said}</td></tr>"
    note = f"<p>{escape(result.note)}</p>" if result.note else ""
    head = f"<p><strong>{result.total:g} of {result.possible:g} points</strong></p>{note}"
    heads = "<tr><th>Test</th><th>Points</th><th>What the marker saw</th></tr>"
    return _html(f"{result.student}, {result.homework}", f"{head}<table>{heads}{rows}</table>")


def _html(title: str, body: str) -> str:
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{STYLE}</style></head><body><h1>{escape(title)}</h1>{body}</body></html>\n"
    )


def _slug(name: str) -> str:
    """A name that any file system takes."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name)[:40].strip("-.") or "student"


def _cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula, on one line, and that UTF-8 can say."""
    text = " ".join(text.encode("utf-8", "replace").decode().split())[:500]
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text
