"""`metalearn calibrate`."""

import json
import re

from metalearn_course.cli.main import main
from metalearn_course.ledger import records


def test_calibrate_prints_and_records_how_far_probabilities_can_be_trusted(trained, tmp_path, capsys):
    tiny = ["--n-episodes", "4", "--n-query", "2", "--device", "cpu", "--n-validation", "3"]
    assert main(["calibrate", str(trained), *tiny, "--record", "mine-maml-3w1s"]) == 0
    figures = r"accuracy 0\.\d+, ece 0\.\d+, mce 0\.\d+, brier [01]\.\d+, auroc [01]\.\d+\n"
    assert re.search(rf"{figures}temperature \d+\.\d+, {figures}", capsys.readouterr().out)
    entry = json.loads((tmp_path / "results/calibration/mine-maml-3w1s.json").read_text(encoding="utf-8"))
    assert entry["norm"] == "support" and entry["n_episodes"] == 4 and entry["steps"] == 2
    assert entry["accuracy"] == entry["tempered"]["accuracy"]
    assert main(["results"]) == 0
    assert f"{entry['ece']:.4f} {entry['mce']:7.4f}" in capsys.readouterr().out
    assert records.entries() == {}


def test_calibrate_draws_only_from_a_posterior(trained, capsys):
    assert main(["calibrate", str(trained), "--samples", "0", "--n-query", "2", "--device", "cpu"]) == 1
    assert "MAML has no posterior to draw from" in capsys.readouterr().err
