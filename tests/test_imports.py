"""What an import brings along: a lesson's first cell, and every command, waits for it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = ["matplotlib", "sympy", "torchmetrics", "torchvision", "IPython", "ipywidgets", "pandas", "torch._dynamo"]
LIGHT = ["training", "evaluation", "evaluation.calibration", "evaluation.further_pictures", "ledger", "learners"]


def brought_by(module: str) -> list[str]:
    """The heavy packages that are loaded after an import and were not after PyTorch's own."""
    code = f"import json, sys, torch; before = set(sys.modules); import {module}; "
    code += f"print(json.dumps([each for each in {HEAVY!r} if each in set(sys.modules) - before]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("room", LIGHT)
def test_a_room_without_pictures_to_draw_imports_nothing_that_draws(room):
    assert brought_by(f"metalearn_course.{room}") == []


def test_a_heavy_import_is_noticed():
    assert "matplotlib" in brought_by("metalearn_course.lessons.plots")
