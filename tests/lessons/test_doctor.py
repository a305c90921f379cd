"""The report on the reader's computer: what it says of a sound one, and of faults."""

import pytest

from metalearn_course.lessons import doctor


def findings():
    return {finding.name: finding for finding in doctor.report()}


def test_a_sound_machine_needs_nothing(kanji, own_cache):
    found = findings()
    assert list(found) == ["Python", "PyTorch", "device", "profile", "cache", "kanji", "omniglot"]
    assert [finding for finding in found.values() if finding.remedy] == []
    assert "1787 classes" in found["kanji"].found


def test_a_cache_that_cannot_be_written_to_is_named_with_its_remedy(monkeypatch, tmp_path):
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    monkeypatch.setenv("METALEARN_CACHE", str(file / "below"))  # below a file there can be no folder
    monkeypatch.setattr(doctor, "LOOKS", {"cache": doctor._cache})
    assert "METALEARN_CACHE" in findings()["cache"].remedy


def test_an_old_python_is_named_with_its_remedy(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 1))
    monkeypatch.setattr(doctor, "LOOKS", {"Python": doctor._python})
    assert "PYTHON=" in findings()["Python"].remedy


def test_a_fault_is_reported_and_hides_no_other(monkeypatch, capsys):
    monkeypatch.setenv("METALEARN_PROFILE", "huge")
    monkeypatch.setattr(doctor, "LOOKS", {"profile": doctor._profile, "PyTorch": doctor._torch})
    doctor.show()
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].startswith("! profile") and "fast, laptop, gpu" in shown[0]
    assert "→" in shown[1]
    assert shown[2].startswith("  PyTorch")


@pytest.mark.parametrize("here", [True, False])
def test_omniglot_is_looked_for_and_never_fetched(monkeypatch, tmp_path, here):
    monkeypatch.setenv("METALEARN_CACHE", str(tmp_path))
    monkeypatch.delenv("METALEARN_OMNIGLOT", raising=False)
    monkeypatch.setattr(doctor.datasets, "load", lambda name: pytest.fail("looked up") if not here else FakeImages())
    if here:
        (tmp_path / f"{doctor.omniglot.KEY}.safetensors").touch()
    monkeypatch.setattr(doctor, "LOOKS", {"omniglot": doctor._omniglot})
    assert ("1623 classes" in findings()["omniglot"].found) == here


class FakeImages:
    images = range(32460)

    def __len__(self):
        return 1623
