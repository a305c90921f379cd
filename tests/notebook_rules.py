"""What a lesson must be to be committed. As a script it tidies notebooks after they were run."""

import base64
import json
import re
import statistics
import sys
from pathlib import Path

LARGEST_FIGURE = 100_000  # bytes
MOST_CELLS, LONGEST_CELL, MEDIAN_CELL, LONGEST_SETUP = 45, 25, 6, 10


def faults(notebook: dict) -> list[str]:
    """Everything that is wrong with a lesson, in words; nothing is right."""
    cells = notebook["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    found = []
    if [cell["execution_count"] for cell in code] != list(range(1, len(code) + 1)):
        found.append("not executed once, in order; run `make notebooks`")
    if "widgets" in notebook["metadata"]:
        found.append("widget state is saved, which GitHub may refuse; run `make notebooks`")
    if cells[0]["cell_type"] != "markdown" or not _text(cells[0]).startswith("# "):
        found.append("the first cell is not a title")
    for number, cell in enumerate(code, 1):
        found += [f"code cell {number}: {fault}" for fault in _cell_faults(cell)]
    return found + _size_faults([_lines(cell) for cell in code])


def _size_faults(lines: list[int]) -> list[str]:
    found = []
    if len(lines) > MOST_CELLS:
        found.append(f"{len(lines)} code cells, more than {MOST_CELLS}")
    if max(lines) > LONGEST_CELL:
        found.append(f"a cell of {max(lines)} lines, more than {LONGEST_CELL}")
    if statistics.median(lines) > MEDIAN_CELL:
        found.append(f"a median of {statistics.median(lines)} lines a cell, more than {MEDIAN_CELL}")
    if lines[0] > LONGEST_SETUP:
        found.append(f"a set-up cell of {lines[0]} lines, more than {LONGEST_SETUP}")
    return found


def _cell_faults(cell: dict) -> list[str]:
    found = []
    may_raise = "raises-exception" in cell["metadata"].get("tags", [])
    raised = any(output["output_type"] == "error" for output in cell["outputs"])
    if raised != may_raise:
        found.append("raises an error" if raised else "is tagged raises-exception and raises nothing")
    if any(output.get("name") == "stderr" for output in cell["outputs"]):
        found.append("writes to stderr (a warning, or a progress bar)")
    for output in cell["outputs"]:
        picture = output.get("data", {}).get("image/png")
        if picture and len(base64.b64decode(picture)) > LARGEST_FIGURE:
            found.append(f"a figure of {len(base64.b64decode(picture)) // 1000} kB, more than 100")
    if re.search(r"(?<![\w.])/(home|root|tmp|Users)/", json.dumps(cell["outputs"])):
        found.append("its output names a path of the machine that ran it")
    return found


def _text(cell: dict) -> str:
    return "".join(cell["source"])


def _lines(cell: dict) -> int:
    return sum(bool(line.strip()) for line in _text(cell).split("\n"))


def tidy(notebook: dict) -> dict:
    """Drop what a run leaves behind and a reader does not need."""
    notebook["metadata"] = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook["cells"]:
        cell["metadata"] = {k: v for k, v in cell["metadata"].items() if k == "tags"}
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":  # keep the message, not the frames with their paths
                output["traceback"] = [f"{output['ename']}: {output['evalue']}"]
    return notebook


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        text = json.dumps(tidy(json.loads(path.read_text(encoding="utf-8"))), indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
