"""Omniglot: the official contents where they are at hand; every way to get them wrong, on small fakes."""

import urllib.error
import zipfile

import numpy as np
import pytest
import torch
from PIL import Image

from metalearn_course import datasets
from metalearn_course.datasets import omniglot as module
from metalearn_course.sampling import EpisodeSampler

PARTS = {"images_background": 3, "images_evaluation": 2}  # characters in a fake


@pytest.fixture
def fake(tmp_path, monkeypatch, own_cache):
    """A folder with the official layout, unpacked, of five characters with two pictures each."""
    monkeypatch.setattr(module, "PARTS", PARTS)
    monkeypatch.setattr(module, "PER_CHARACTER", 2)
    random = np.random.default_rng(0)
    for part, n_characters in PARTS.items():
        for c in range(1, n_characters + 1):
            folder = tmp_path / "data" / part / f"Alphabet_of_{part}" / f"character{c:02}"
            folder.mkdir(parents=True)
            for drawer in (1, 2):
                pixels = random.random((105, 105)) > 0.1 * c  # black ink on white paper, one bit a pixel
                Image.fromarray(pixels).save(folder / f"{c:04}_{drawer:02}.png")
    return tmp_path / "data"


@pytest.fixture
def zipped(fake, tmp_path):
    """The same as archives."""
    (tmp_path / "zips").mkdir()
    for part in PARTS:
        _zip(fake, part, tmp_path / "zips" / f"{part}.zip")
    return tmp_path / "zips"


@pytest.fixture
def offline(monkeypatch, own_cache):
    """No network, no path, nothing in the cache."""

    def refuse(*_, **__):
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(module, "download_url", refuse)
    monkeypatch.delenv("METALEARN_OMNIGLOT", raising=False)


def _zip(root, part, to, leave_out=()):
    with zipfile.ZipFile(to, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted((root / part).rglob("*.png")):
            if file.name not in leave_out:
                archive.write(file, file.relative_to(root).as_posix())


# The real data -------------------------------------------------------------------------------


def test_there_are_1623_characters_with_20_pictures_each(omniglot):
    assert len(omniglot) == len(set(omniglot.names)) == 1623 and set(omniglot.counts.tolist()) == {20}
    assert omniglot.images.shape == (1623 * 20, 1, 28, 28) and omniglot.images.dtype == torch.uint8
    assert len({name.split("/")[0] for name in omniglot.names}) == 50


def test_omniglots_ink_is_high_and_its_paper_is_0(omniglot):
    ink = omniglot.images.flatten(1)
    assert (ink.amax(1) > 128).all() and (ink == 0).float().mean() > 0.5


def test_the_default_split_is_1100_100_423_and_disjoint_by_character(omniglot):
    parts = omniglot.split(seed=0)
    assert [len(part) for part in parts] == [1100, 100, 423]
    assert len({name for part in parts for name in part.names}) == 1623


def test_the_official_split_tests_on_the_evaluation_alphabets(omniglot):
    train, val, test = omniglot.split(official=True)
    assert [len(part) for part in (train, val, test)] == [864, 100, 659]
    alphabets = [{name.split("/")[0] for name in part.names} for part in (train, val, test)]
    assert len(alphabets[2]) == 20 and not alphabets[2] & (alphabets[0] | alphabets[1])
    assert len(set(train.names) | set(val.names) | set(test.names)) == 1623


def test_rotations_keep_the_split_disjoint_by_character(omniglot):
    parts = omniglot.with_rotations().split(seed=0)
    assert [len(part) for part in parts] == [4400, 400, 1692]
    assert len({group for part in parts for group in set(part.groups)}) == 1623
    classes = EpisodeSampler(parts[0], n_way=20, k_shot=1, n_query=1).draw(50)[0]
    assert all(len({parts[0].groups[c] for c in task}) == 20 for task in classes.tolist())


def test_pixels_of_a_class_are_those_of_its_character_in_the_archive(omniglot, omniglot_root):
    part = "images_evaluation"
    if not (omniglot_root / f"{part}.zip").is_file():
        pytest.skip(f"{omniglot_root} has no {part}.zip")
    with zipfile.ZipFile(omniglot_root / f"{part}.zip") as archive:
        for c in (964, 1200, 1622):
            files = sorted(n for n in archive.namelist() if f"/{omniglot.names[c]}/" in n and n.endswith(".png"))
            with archive.open(files[7]) as file:
                ink = 1 - np.asarray(Image.open(file), dtype=float)
            small = omniglot.pictures(torch.tensor([[c]]), torch.tensor([[[7]]]))[0, 0, 0, 0]
            coarse = torch.nn.functional.adaptive_avg_pool2d(torch.tensor(ink)[None], 28)[0]
            assert np.corrcoef(small.flatten(), coarse.flatten())[0, 1] > 0.9


# Sources -------------------------------------------------------------------------------------


def test_archives_and_unpacked_folders_give_the_same_dataset(fake, zipped, monkeypatch):
    unpacked = datasets.load("omniglot", root=fake)
    monkeypatch.setenv("METALEARN_CACHE", str(zipped / "another cache"))
    archived = datasets.load("omniglot", root=zipped)
    assert torch.equal(unpacked.images, archived.images) and unpacked.hash == archived.hash
    assert unpacked.names == archived.names and unpacked.official_test == archived.official_test


def test_a_class_is_a_character_of_its_alphabet_with_ink_on_paper(fake):
    images = datasets.load("omniglot", root=fake)
    assert images.names[0] == "Alphabet_of_images_background/character01" and len(images) == 5
    assert images.official_test == frozenset(images.names[3:])
    means = images.images.view(5, -1).float().mean(1)  # the fake's characters have 10 % ink, 20 %, 30 %
    assert means.argsort()[:2].sort().values.tolist() == [0, 3] and means.argmax() == 2


def test_the_folder_can_come_from_the_environment_and_start_at_home(fake, monkeypatch):
    monkeypatch.setenv("HOME", str(fake.parent))
    monkeypatch.setenv("USERPROFILE", str(fake.parent))
    monkeypatch.setenv("METALEARN_OMNIGLOT", "~/data")
    assert len(datasets.load("omniglot")) == 5


def test_the_folder_that_torchvision_unpacks_to_will_do(fake):
    (fake / "omniglot-py").mkdir()
    for part in PARTS:
        (fake / part).rename(fake / "omniglot-py" / part)
    assert len(datasets.load("omniglot", root=fake)) == 5


def test_what_macos_adds_to_archives_and_folders_is_left_aside(fake, zipped):
    for part in PARTS:
        with zipfile.ZipFile(zipped / f"{part}.zip", "a") as archive:
            archive.writestr(f"__MACOSX/{part}/A/character01/._0001_01.png", b"not a picture")
        (next((fake / part).glob("*/*")) / "._0001_01.png").write_bytes(b"not a picture")
    for root in (fake, zipped):
        characters = module._read_part(root, "images_background")
        assert [len(pictures) for pictures in characters.values()] == [2, 2, 2]


def test_what_was_read_once_is_not_read_again(fake, offline):
    first = datasets.load("omniglot", root=fake)
    again = datasets.load("omniglot")
    assert torch.equal(first.images, again.images) and first.hash == again.hash


def test_the_archives_are_downloaded_where_there_is_no_folder(fake, zipped, monkeypatch):
    wanted = []

    def download(url, folder, md5):
        wanted.append((url, md5))
        name = url.split("/")[-1]
        (folder / name).write_bytes((zipped / name).read_bytes())

    monkeypatch.delenv("METALEARN_OMNIGLOT", raising=False)
    monkeypatch.setattr(module, "download_url", download)
    assert len(datasets.load("omniglot")) == 5
    assert [url.split("/")[-1] for url, _ in wanted] == ["images_background.zip", "images_evaluation.zip"]
    assert all(url.startswith("https://") and len(md5) == 32 for url, md5 in wanted)


# What is refused -----------------------------------------------------------------------------


def test_without_network_and_path_the_error_says_what_to_do(offline):
    with pytest.raises(ConnectionError) as caught:
        datasets.load("omniglot")
    said = str(caught.value)
    for part in ("no network here", "images_background.zip", "images_evaluation.zip", "https://", "METALEARN_OMNIGLOT"):
        assert part in said
    assert 'datasets.load("omniglot", root="that/folder")' in said and 'datasets.load("kanji")' in said


def test_a_failed_download_is_tried_once_and_told_once(offline, monkeypatch):
    tried = []

    def refuse(url, *_, **__):
        tried.append(url)
        raise RuntimeError("File not found or corrupted.")  # torchvision's words for a wrong checksum

    monkeypatch.setattr(module, "download_url", refuse)
    with pytest.raises(ConnectionError, match="corrupted"):
        datasets.load("omniglot")
    assert len(tried) == 1


def test_a_path_that_is_no_folder_is_refused(own_cache, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere is not a folder.*images_background\.zip"):
        datasets.load("omniglot", root=tmp_path / "nowhere")


def test_a_folder_without_the_data_is_refused(fake, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty has neither images_background\.zip nor the folder"):
        datasets.load("omniglot", root=tmp_path / "empty")


def test_a_missing_character_is_noticed(fake, zipped):
    _zip(fake, "images_background", zipped / "images_background.zip", leave_out=("0003_01.png", "0003_02.png"))
    with pytest.raises(ValueError, match="images_background is incomplete: 2 characters; it should have 3"):
        datasets.load("omniglot", root=zipped)


def test_a_missing_picture_is_noticed_and_its_character_named(fake):
    (fake / "images_evaluation/Alphabet_of_images_evaluation/character02/0002_01.png").unlink()
    with pytest.raises(ValueError, match="images_evaluation is incomplete: .*character02 has 1 pictures"):
        datasets.load("omniglot", root=fake)


@pytest.mark.parametrize("damage", ["cut", "empty", "text"])
def test_an_archive_cut_short_is_refused(zipped, damage):
    archive = zipped / "images_background.zip"
    whole = archive.read_bytes()
    archive.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"<html>404</html>"}[damage])
    with pytest.raises(ValueError, match=r"images_background\.zip is damaged.*delete it and fetch it again"):
        datasets.load("omniglot", root=zipped)


@pytest.mark.parametrize("offset", (0, 20, 60, 100))
def test_a_damaged_archive_is_refused_wherever_the_damage_is(zipped, offset):
    """In the compressed data zlib may stumble before the checksum is compared."""
    archive = zipped / "images_background.zip"
    content = bytearray(archive.read_bytes())
    with zipfile.ZipFile(archive) as file:
        name = file.infolist()[0].filename
    start = 30 + len(name) + offset  # behind the local header
    content[start : start + 8] = bytes(255 - byte for byte in content[start : start + 8])
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"images_background\.zip is damaged"):
        datasets.load("omniglot", root=zipped)


@pytest.mark.parametrize("kind", ["folder", "archive"])
@pytest.mark.parametrize("content", [b"not a picture", b"", "cut"], ids=["other", "empty", "cut"])
def test_an_unreadable_picture_is_named(fake, zipped, kind, content):
    file = fake / "images_evaluation/Alphabet_of_images_evaluation/character02/0002_01.png"
    file.write_bytes(file.read_bytes()[:300] if content == "cut" else content)
    _zip(fake, "images_evaluation", zipped / "images_evaluation.zip")
    root = fake if kind == "folder" else zipped
    with pytest.raises(ValueError, match=r"character02/0002_01\.png cannot be read.*fetch it again"):
        datasets.load("omniglot", root=root)


def test_data_that_was_refused_is_not_kept(fake, own_cache):
    file = fake / "images_evaluation/Alphabet_of_images_evaluation/character02/0002_01.png"
    whole = file.read_bytes()
    file.unlink()
    with pytest.raises(ValueError, match="incomplete"):
        datasets.load("omniglot", root=fake)
    file.write_bytes(whole)
    assert len(datasets.load("omniglot", root=fake)) == 5  # mended, and read afresh
