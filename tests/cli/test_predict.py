"""`metalearn predict`: a name for every picture that can be read, and one line for each of the others."""

import json

import pytest
from PIL import Image

from metalearn_course import datasets
from metalearn_course.cli.main import main


@pytest.fixture(autouse=True)
def own_ledger(monkeypatch):
    """The learners that come with the course."""
    monkeypatch.delenv("METALEARN_RESULTS")
    monkeypatch.setattr("metalearn_course.ledger.pretrained.folders", _folders)


def _folders():
    from metalearn_course.ledger.pretrained import PACKAGE

    return [PACKAGE.parent / "results"]


@pytest.fixture
def put(tmp_path):
    """Writes pictures of the test classes of a dataset: three classes with two pictures to learn from, queries."""

    def write(name: str, size: int, turn: bool = False):
        images = datasets.load(name).split(seed=0)[2]
        for c in range(3):
            for k in range(3):
                pixels = images.images[images.starts[c] + k]
                pixels = 255 - pixels if turn else pixels
                picture = Image.fromarray(pixels[0].numpy() if len(pixels) == 1 else pixels.permute(1, 2, 0).numpy())
                file = tmp_path / f"support/class{c}/{k}.png" if k < 2 else tmp_path / f"query/{c}.png"
                file.parent.mkdir(parents=True, exist_ok=True)
                picture.resize((size, size + 5)).save(file)
        return tmp_path / "support", sorted((tmp_path / "query").iterdir())

    return write


def test_paper_is_recognised_as_ink_is(put, capsys):
    for turn in (False, True):
        support, queries = put("kanji", 60, turn)
        assert main(["predict", "--support", str(support), "--query", *map(str, queries), "--json"]) == 0
        found = json.loads(capsys.readouterr().out)
        assert [row["class"] for row in found] == ["class0", "class1", "class2"]
        assert [set(row) for row in found] == [{"file", "class", "probability"}] * 3
        assert all(0 < row["probability"] <= 1 for row in found)


def test_colour_of_another_size_and_none_of_these(put, capsys, monkeypatch):
    support, queries = put("emoji", 50)
    alien = queries[0].parent / "9.png"
    Image.effect_noise((40, 40), 90).convert("RGB").save(alien)
    command = ["predict", "--support", str(support), "--query", *map(str, [*queries, alien])]
    assert main([*command, "--none-of-these", "0.05", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["class"] for row in found][-1] is None
    assert main(command) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 4 and all(line.endswith(" %") for line in table)


def test_odd_files_are_answered_in_a_line_each_and_lose_no_other(put, capsys):
    support, queries = put("kanji", 28)
    folder = queries[0].parent
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.txt").write_text("no picture", encoding="utf-8")
    Image.new("1", (9000, 9000)).save(folder / "huge.png")
    odd = [folder / "empty.png", folder / "text.txt", folder / "huge.png", folder, folder / "none.png"]
    (support / "class0" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert main(["predict", "--support", str(support), "--query", *map(str, [*odd, *queries]), "--json"]) == 0
    out, err = capsys.readouterr()
    assert [row["file"] for row in json.loads(out)] == list(map(str, queries))
    for file in odd:
        assert sum(line.startswith(f"{file}: ") for line in err.splitlines()) == 1
    assert "broken.png" in err


def test_the_learner_can_be_named_and_mistakes_are_answered_in_a_line(put, capsys, tmp_path):
    support, queries = put("kanji", 28)
    command = ["predict", "--support", str(support), "--query", str(queries[0])]
    assert main([*command, "--learner", "emoji-protonet-5w1s"]) == 0
    assert "class" in capsys.readouterr().out
    for wrong in (
        ["predict", "--query", "a.png"],
        ["predict", "--support", str(tmp_path / "nowhere"), "--query", "a.png"],
        ["predict", "--support", str(support), "--query", str(tmp_path / "nowhere.png")],
        [*command, "--learner", "nobody"],
    ):
        assert main(wrong) == 1
        assert capsys.readouterr().err.splitlines()[-1].startswith("error: ")
    with pytest.raises(SystemExit):
        main([*command, "--none-of-these", "1.5"])
