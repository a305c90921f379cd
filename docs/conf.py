"""The site: the lessons to read without running, and the reference of the public API. `make site` builds it."""

import shutil
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import docstrings  # noqa: E402

NOTEBOOKS = HERE.parent / "notebooks"
LESSONS = HERE / "lessons"

project = "A course on meta-learning"
html_title = project
extensions = ["sphinx.ext.autodoc", "sphinx.ext.mathjax", "myst_nb"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_show_copyright = False
language = "en"

autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
python_maximum_signature_line_length = 80
add_module_names = False

nb_execution_mode = "off"  # the lessons show the outputs that they were committed with
nb_merge_streams = True
nb_mime_priority_overrides = [("html", "application/vnd.jupyter.widget-view+json", None)]  # the text stands in
myst_enable_extensions = ["amsmath", "attrs_inline", "dollarmath", "html_image"]
myst_heading_anchors = 3


def copy_lessons() -> None:
    """The lessons, as committed, where Sphinx finds them; the terms of the glossary as targets of links."""
    shutil.rmtree(LESSONS, ignore_errors=True)
    LESSONS.mkdir()
    for path in [*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("*.md"), *NOTEBOOKS.glob("homework/INSTRUCTORS.md")]:
        shutil.copy(path, LESSONS / path.name)
    shutil.copytree(NOTEBOOKS / "pictures", LESSONS / "pictures")
    glossary = LESSONS / "glossary.md"
    glossary.write_text(docstrings.targets(glossary.read_text(encoding="utf-8")), encoding="utf-8")


def setup(app) -> None:
    copy_lessons()
    app.connect("autodoc-process-docstring", docstrings.process)
    app.connect("autodoc-skip-member", docstrings.skip)
