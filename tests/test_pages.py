"""The two pages beside the lessons, glossary and resources: complete rows, unique terms, links that lead somewhere."""

import json
import re
from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
CJK = re.compile(r"[\u4e00-\u9fff]")
ANCHOR = re.compile(r'<a id="([^"]*)"></a>')


def tables(text: str) -> list[list[list[str]]]:
    """The Markdown tables of a page, each a list of rows of cells, the header first."""
    found, rows = [], []
    for line in [*text.split("\n"), ""]:
        if line.startswith("|"):
            rows.append([cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]])
        elif rows:
            found.append([row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)])
            rows = []
    return found


def glossary_faults(text: str) -> list[str]:
    """What is wrong with a glossary, in words; nothing is right."""
    found, terms, anchors = [], [], []
    for header, *rows in tables(text):
        if header != ["English", "中文", "Meaning"]:
            found.append(f"header {header}")
        for row in rows:
            if len(row) != 3:
                found.append(f"{len(row)} cells instead of 3: {row}")
                continue
            ids, term = ANCHOR.findall(row[0]), ANCHOR.sub("", row[0]).strip(" `").lower()
            terms.append(term)
            anchors += ids
            if ids != [re.sub(r"[^a-z0-9]+", "-", term).strip("-")]:
                found.append(f"{term}: anchor {ids}")
            if not term:
                found.append(f"no English: {row}")
            if not CJK.search(row[1]):
                found.append(f"{term}: no Chinese")
            if len(row[2].split()) < 3:
                found.append(f"{term}: no definition")
    found += [f"{term}: defined twice" for term in {t for t in terms if terms.count(t) > 1}]
    if anchors != ANCHOR.findall(text) or len(set(anchors)) < len(anchors):
        found.append("an anchor outside a term, or twice")
    return found


def resources_faults(text: str) -> list[str]:
    """What is wrong with the resources, in words."""
    found = []
    for header, *rows in tables(text):
        if header[-1] != "How we know":
            found.append(f"header {header}")
        for row in rows:
            if len(row) != len(header):
                found.append(f"{len(row)} cells under {len(header)} headings: {row}")
            if not all(row):
                found.append(f"an empty cell: {row}")
            if "†" in " ".join(row) and "unchecked" not in row[-1]:
                found.append(f"a dagger, but the last cell does not say unchecked: {row}")
            for said, linked in re.findall(r"\[([\d.]+)\]\(https://arxiv\.org/abs/([\d.]+)\)", " ".join(row)):
                if said != linked:
                    found.append(f"{said} links to {linked}")
    return found


def dead_links(page: Path) -> list[str]:
    """Links of a page into the repository that lead nowhere, the part after # included for Markdown pages."""
    found = []
    for link in re.findall(r"\]\(([^)\s]+)\)", markdown_of(page)):
        if "://" in link or link.startswith(("mailto:", "attachment:")):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        exists = target.exists()
        if not exists or (
            anchor and target.name == "glossary.md" and anchor not in ANCHOR.findall(target.read_text(encoding="utf-8"))
        ):
            found.append(link)
    return found


def markdown_of(page: Path) -> str:
    if page.suffix == ".md":
        return page.read_text(encoding="utf-8")
    return "\n".join(
        "".join(c["source"])
        for c in json.loads(page.read_text(encoding="utf-8"))["cells"]
        if c["cell_type"] == "markdown"
    )


def test_every_term_is_defined_once_in_both_languages():
    text = (NOTEBOOKS / "glossary.md").read_text(encoding="utf-8")
    assert sum(len(rows) - 1 for rows in tables(text)) == len(ANCHOR.findall(text)) > 50
    assert glossary_faults(text) == []


def test_every_resource_says_how_we_know():
    text = (NOTEBOOKS / "resources.md").read_text(encoding="utf-8")
    assert len(tables(text)) >= 4
    assert resources_faults(text) == []


def test_no_page_names_a_package_registry():
    for name in ("glossary.md", "resources.md"):
        assert (
            re.findall(r"pypi\.org|python.?hosted|anaconda\.org", (NOTEBOOKS / name).read_text(encoding="utf-8")) == []
        ), name


@pytest.mark.parametrize("name", ["glossary.md", "resources.md"])
def test_links_of_the_pages_lead_somewhere(name):
    assert "](" in markdown_of(NOTEBOOKS / name)
    assert dead_links(NOTEBOOKS / name) == []


def test_links_to_terms_of_the_glossary_exist():
    pages = [
        page
        for page in [*NOTEBOOKS.rglob("*.ipynb"), *NOTEBOOKS.rglob("*.md")]
        if ".ipynb_checkpoints" not in str(page)
    ]
    assert len(pages) > 2
    dead = {page.name: [link for link in dead_links(page) if "glossary.md" in link] for page in pages}
    assert {name: links for name, links in dead.items() if links} == {}


ROW = '| <a id="support-set"></a>support set | 支持集 | The labelled examples of a task. |'


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        (ROW, "defined twice"),
        ('| <a id="query-set"></a>query set | query set | The examples to judge on. |', "no Chinese"),
        ('| <a id="query-set"></a>query set | 查询集 | |', "no definition"),
        ("| query set | 查询集 | The examples to judge on. |", "anchor"),
        ("| query set | 查询集 |", "2 cells"),
    ],
)
def test_a_fault_in_the_glossary_is_found(row, fault):
    page = "| English | 中文 | Meaning |\n|---|---|---|\n" + ROW
    assert glossary_faults(page) == []
    assert any(fault in found for found in glossary_faults(page + "\n" + row))


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("| a | |", "empty"),
        ("| a† | read |", "dagger"),
        ("| a |", "1 cells"),
        ("| [1703.03400](https://arxiv.org/abs/1703.03401) | read |", "links to"),
    ],
)
def test_a_fault_in_the_resources_is_found(row, fault):
    page = "| Name | How we know |\n|---|---|\n| a | installed here |"
    assert resources_faults(page) == []
    assert any(fault in found for found in resources_faults(page + "\n" + row))


def test_a_dead_link_is_found(tmp_path):
    (tmp_path / "glossary.md").write_text(ROW, encoding="utf-8")
    page = tmp_path / "lesson.ipynb"
    source = ["[a](glossary.md#support-set) [b](glossary.md#suport-set) [c](missing.md) [d](https://arxiv.org)"]
    page.write_text(json.dumps({"cells": [{"cell_type": "markdown", "source": source}]}), encoding="utf-8")
    assert dead_links(page) == ["glossary.md#suport-set", "missing.md"]
