"""From the docstrings of the package, which are plain text, to what Sphinx reads."""

import inspect
import re

ITEM = re.compile(r"- (?=\S)|(?=[\w*\"]+(?:, [\w*\"]+)*: )")  # the start of "- this", "norm: that" and '"name": that'
FIELD = re.compile(r"^    (\w+): [^#\n]+  # (.+)$", re.MULTILINE)  # of a NamedTuple or a dataclass, with its comment


def process(app, what: str, name: str, it, options, lines: list[str]) -> None:
    """Write lines anew as reStructuredText, with the fields of a class."""
    blocks = re.split(r"\n\s*\n", "\n".join(lines).strip())
    if what == "class":
        blocks += ["\n".join(f"- `{field}`: {said}" for field, said in FIELD.findall(_source(it)))]
    lines[:] = [line for block in blocks if block.strip() for line in [*_block(block.splitlines()), ""]]


def skip(app, what: str, name: str, it, skipped: bool, options) -> bool | None:
    """Fields of a NamedTuple are said in the text of their class."""
    return True if (getattr(it, "__doc__", None) or "").startswith("Alias for field number") else None


def targets(markdown: str) -> str:
    """Anchors of HTML as targets that links are checked against."""
    return re.sub(r'<a id="([^"]+)"></a>', r"[]{#\1}", markdown)


def _source(it) -> str:
    try:
        return inspect.getsource(it)
    except (OSError, TypeError):
        return ""


def _block(lines: list[str]) -> list[str]:
    """A paragraph; its entries as a list, its indented lines as they stand, an example as it is."""
    if lines[0].startswith(">>>"):
        return lines
    found, entries = [], False
    for line in lines:
        if ITEM.match(line):
            found += [""] * (not entries) + ["* " + _text(ITEM.sub("", line, count=1))]
            entries = True
        elif entries:
            found.append("  " + _text(line.strip()))
        elif line.startswith("    "):
            found += ["", "| " + _text(line.strip()), ""]
        else:
            found.append(_text(line.strip()))
    return found


def _text(line: str) -> str:
    """Code between single backticks, and no other mark-up."""
    parts = re.split(r"`([^`]+)`", line)
    return "".join(f"``{part}``" if i % 2 else re.sub(r"([\\*|_`])", r"\\\1", part) for i, part in enumerate(parts))
