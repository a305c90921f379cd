"""The lessons as committed. Whether they still run is nbval's question (`make nbval`)."""

import copy
import json
from pathlib import Path

import pytest
from notebook_rules import faults, tidy

LESSONS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_keeps_the_rules(path):
    assert faults(json.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_committed_lesson_is_tidy(path):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    assert tidy(copy.deepcopy(notebook)) == notebook


def code(source="x = 1", count=1, outputs=(), tags=()):
    metadata = {"tags": list(tags)} if tags else {}
    return {
        "cell_type": "code",
        "source": source,
        "execution_count": count,
        "outputs": list(outputs),
        "metadata": metadata,
    }


def lesson(*cells):
    return {"metadata": {}, "cells": [{"cell_type": "markdown", "source": ["# Title"], "metadata": {}}, *cells]}


PATH = {"output_type": "stream", "name": "stdout", "text": "/home/me/x"}
ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": ["File /root/x.py"]}
BIG = {"output_type": "display_data", "data": {"image/png": "A" * 200_000}}


@pytest.mark.parametrize(
    ("notebook", "fault"),
    [
        (lesson(code(count=None)), "not executed"),
        (lesson(code(count=2)), "not executed"),
        (lesson(code(), code(count=1)), "not executed"),
        (lesson(code(outputs=[ERROR])), "raises an error"),
        (lesson(code(tags=["raises-exception"])), "raises nothing"),
        (lesson(code(outputs=[BIG])), "figure of"),
        (lesson(code(outputs=[{"output_type": "stream", "name": "stderr", "text": "w"}])), "stderr"),
        (lesson(code(outputs=[PATH])), "path of the machine"),
        (lesson(code("x\n" * 26)), "26 lines"),
        (lesson(code("x\n" * 11)), "set-up cell of 11"),
        (lesson(*(code(count=i + 1) for i in range(46))), "46 code cells"),
        (lesson(code()) | {"metadata": {"widgets": {}}}, "widget state"),
        ({"metadata": {}, "cells": [code()]}, "not a title"),
    ],
)  # fmt: skip
def test_every_rule_can_fail(notebook, fault):
    assert any(fault in found for found in faults(notebook))


def test_a_good_lesson_has_no_faults_and_an_announced_error_is_fine():
    announced = copy.deepcopy(ERROR) | {"traceback": []}
    assert faults(lesson(code(), code(count=2, outputs=[announced], tags=["raises-exception"]))) == []


def test_tidying_drops_paths_and_widget_state():
    notebook = lesson(code(outputs=[copy.deepcopy(ERROR)], tags=["raises-exception"])) | {"metadata": {"widgets": {}}}
    assert "/root/" in json.dumps(notebook)
    assert "/root/" not in json.dumps(tidy(notebook))
    assert faults(notebook) == []
