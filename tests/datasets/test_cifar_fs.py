"""CIFAR-FS, on a small archive of the official layout: three pictures of each of the hundred classes."""

import tarfile
import urllib.error

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR100

from metalearn_course import datasets
from metalearn_course.datasets import archives
from metalearn_course.datasets import cifar_fs as module
from metalearn_course.sampling import EpisodeSampler

PICTURES = {"train.bin": 2, "test.bin": 1}
NAMES = sorted(module.TRAINING | module.VALIDATION | module.TEST)


@pytest.fixture
def unpacked(tmp_path, monkeypatch, own_cache):
    """Every picture of fine class c is red c, green 2c and blue the number of its file, in shuffled order."""
    monkeypatch.setattr(module, "PICTURES", PICTURES)
    folder = tmp_path / "data" / "cifar-100-binary"
    folder.mkdir(parents=True)
    random = np.random.default_rng(0)
    for number, (file, per_class) in enumerate(PICTURES.items()):
        fine = random.permutation(np.repeat(np.arange(100), per_class)).astype(np.uint8)
        channels = np.stack((fine, 2 * fine, np.full_like(fine, number)), 1).repeat(1024, 1)
        records = np.concatenate((fine[:, None] % 20, fine[:, None], channels), 1)
        (folder / file).write_bytes(records.astype(np.uint8).tobytes())
    (folder / "fine_label_names.txt").write_text("\n".join(NAMES) + "\n", encoding="ascii")
    (folder / "coarse_label_names.txt").write_text("\n".join(f"kind_{c}" for c in range(20)) + "\n\n", encoding="ascii")
    return tmp_path / "data"


@pytest.fixture
def packed(unpacked, tmp_path, monkeypatch):
    """The folder with the archive of the same."""
    (tmp_path / "packed").mkdir()
    archive = tmp_path / "packed" / "cifar-100-binary.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        file.add(unpacked / "cifar-100-binary", "cifar-100-binary")
    monkeypatch.setattr(module, "MD5", archives.md5(archive))
    return tmp_path / "packed"


# The published split -------------------------------------------------------------------------


def test_the_three_lists_are_disjoint_and_cover_a_hundred_classes():
    parts = module.TRAINING, module.VALIDATION, module.TEST
    assert [len(part) for part in parts] == [64, 16, 20] and len(frozenset().union(*parts)) == 100


def test_the_official_split_is_the_published_one_whatever_the_seed(unpacked):
    images = datasets.load("cifar-fs", root=unpacked)
    for seed in (0, 1):
        parts = images.split(seed=seed, official=True)
        assert [set(part.names) for part in parts] == [module.TRAINING, module.VALIDATION, module.TEST]
    assert [len(part) for part in images.split()] == [64, 16, 20]


# Reading -------------------------------------------------------------------------------------


def test_archive_and_folder_give_the_same_classes(unpacked, packed, own_cache):
    images = datasets.load("cifar-fs", root=unpacked)
    for file in own_cache.iterdir():
        file.unlink()
    again = datasets.load("cifar-fs", root=packed)
    assert torch.equal(images.images, again.images) and images.hash == again.hash


def test_the_pictures_of_a_class_are_those_with_its_label(packed):
    images = datasets.load("cifar-fs", root=packed)
    assert images.names == tuple(NAMES) and images.counts.tolist() == [3] * 100
    assert images.images.shape == (300, 3, 32, 32)
    for c, start in enumerate(images.starts.tolist()):
        assert images.images[start : start + 3, 0].unique().tolist() == [c]
        assert images.images[start : start + 3, 1].unique().tolist() == [2 * c]
        assert images.images[start : start + 3, 2, 0, 0].tolist() == [0, 0, 1]  # training pictures first
    assert EpisodeSampler(images, 5, 1, 2).sample(1).support.x.shape == (1, 5, 3, 32, 32)


def test_other_sizes_and_channels(packed):
    assert datasets.load("cifar-fs", root=packed, size=28, channels=1).images.shape == (300, 1, 28, 28)


def test_the_archive_is_fetched_once_where_there_is_no_folder(packed, monkeypatch):
    calls = []

    def fetch(url, folder, filename, md5):
        calls.append((url, md5))
        (folder / filename).write_bytes((packed / filename).read_bytes())

    monkeypatch.setattr(module, "download_url", fetch)
    datasets.load("cifar-fs")
    datasets.load("cifar-fs")
    assert calls == [(CIFAR100.url.replace("-python.", "-binary."), module.MD5)]


# What is refused -----------------------------------------------------------------------------


def test_without_network_and_path_the_error_says_what_to_do(own_cache, monkeypatch):
    def refuse(*_, **__):
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(module, "download_url", refuse)
    with pytest.raises(ConnectionError, match=r'no network here.*cifar-100-binary.tar.gz.*root="that/folder".*--root'):
        datasets.load("cifar-fs")


def test_a_path_without_the_data_is_refused(unpacked, tmp_path):
    with pytest.raises(FileNotFoundError, match="nowhere is not a folder"):
        datasets.load("cifar-fs", root=tmp_path / "nowhere")
    (tmp_path / "other").mkdir()
    with pytest.raises(FileNotFoundError, match="other has no cifar-100-binary.tar.gz"):
        datasets.load("cifar-fs", root=tmp_path / "other")
    (tmp_path / "other" / "cifar-100-python.tar.gz").write_bytes(b"pickled")
    with pytest.raises(FileNotFoundError, match="pickled version for Python is not read"):
        datasets.load("cifar-fs", root=tmp_path / "other")


def test_another_archive_is_refused_by_its_checksum(packed, monkeypatch):
    monkeypatch.setattr(module, "MD5", "0" * 32)
    with pytest.raises(ValueError, match="not the official archive, or damaged: its MD5 differs"):
        datasets.load("cifar-fs", root=packed)


@pytest.mark.parametrize(
    "file, change, message",
    [
        ("train.bin", lambda d: d[:-1], r"train.bin has .* bytes, it should have"),
        ("train.bin", lambda d: d + b"x", "train.bin unpacks to more than"),
        ("test.bin", lambda d: d[:1] + d[3075:3076] + d[2:], "test.bin does not have 1 pictures of every class"),
        ("test.bin", lambda d: d[:1] + b"\xff" + d[2:], "test.bin does not have 1 pictures of every class"),
        ("fine_label_names.txt", lambda d: d.replace(b"apple", b"apples"), "class names are not those of CIFAR-100"),
        ("fine_label_names.txt", lambda d: b"x" * 5000, "fine_label_names.txt unpacks to more than"),
    ],
)
def test_contents_that_are_not_the_official_ones_are_refused_and_not_kept(unpacked, own_cache, file, change, message):
    path = unpacked / "cifar-100-binary" / file
    path.write_bytes(change(path.read_bytes()))
    with pytest.raises(ValueError, match=message):
        datasets.load("cifar-fs", root=unpacked)
    assert list(own_cache.glob("*.safetensors")) == []
