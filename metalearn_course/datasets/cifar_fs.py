"""CIFAR-FS: the photographs of CIFAR-100 with the class split of Bertinetto et al. (2019, arXiv 1805.08136).

CIFAR-100 (Krizhevsky 2009): 100 classes of 600 pictures, 32x32 in colour. Read from its binary
version, since that of Python is pickled and unpickling runs what a file says.
"""

import urllib.error
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from torch import Tensor
from torchvision.datasets import CIFAR100
from torchvision.datasets.utils import download_url

from metalearn_course.common.storage import Content
from metalearn_course.datasets import archives, cache
from metalearn_course.datasets.images import ImageClasses, from_tensors

ARCHIVE = "cifar-100-binary.tar.gz"
URL = CIFAR100.url.replace("python", "binary")  # the two lie side by side
MD5 = "03b5dce01913d631647c71ecec9e9cb8"  # of the archive, as its page states it
FOLDER = "cifar-100-binary"
SIDE = 32
RECORD = 2 + 3 * SIDE * SIDE  # bytes: the coarse label, the fine label, then red, green and blue
PICTURES = {"train.bin": 500, "test.bin": 100}  # per class, in each file
NAMES = {"fine_label_names.txt": 100, "coarse_label_names.txt": 20}  # lines
KEY = "cifar-100-v1"  # of the prepared data in the cache


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


TEST = _names(
    "baby bed bicycle chimpanzee fox leopard man pickup_truck plain poppy rocket rose snail sweet_pepper table "
    "telephone wardrobe whale woman worm"
)
VALIDATION = _names(
    "beaver beetle butterfly camel cattle crab crocodile flatfish lamp maple_tree motorcycle otter sea shark "
    "television tractor"
)
TRAINING = _names(
    "apple aquarium_fish bear bee bottle bowl boy bridge bus can castle caterpillar chair clock cloud cockroach couch "
    "cup dinosaur dolphin elephant forest girl hamster house kangaroo keyboard lawn_mower lion lizard lobster mountain "
    "mouse mushroom oak_tree orange orchid palm_tree pear pine_tree plate porcupine possum rabbit raccoon ray road "
    "seal shrew skunk skyscraper snake spider squirrel streetcar sunflower tank tiger train trout tulip turtle "
    "willow_tree wolf"
)


def load(root: str | Path | None = None) -> ImageClasses:
    """100 classes of 600 photographs, 3x32x32; `split(official=True)` gives the published 64, 16 and 20.

    root: a folder with cifar-100-binary.tar.gz or with the folder cifar-100-binary that it unpacks to.
    Without it the archive is downloaded, once. Raises FileNotFoundError where root has neither,
    ConnectionError where there is no network, ValueError for contents that are not the official ones.
    """
    root = Path(root).expanduser() if root else None
    if root is not None and not root.is_dir():
        raise FileNotFoundError(f"CIFAR-FS: {root} is not a folder; root is the folder that holds {_wanted()}")
    tensors, info = cache.cached(KEY, lambda: _build(root))
    return from_tensors(
        "cifar-fs",
        tensors["images"],
        info["counts"],
        info["names"],
        split_sizes=(64, 16, 20),
        official_test=TEST,
        official_validation=VALIDATION,
    )


def _wanted() -> str:
    return f"{ARCHIVE} (or the folder {FOLDER})"


def _build(root: Path | None) -> Content:
    with TemporaryDirectory() as downloads:
        files = _files(root or _download(Path(downloads)))
    names = files["fine_label_names.txt"].decode("ascii").split()
    if set(names) != TRAINING | VALIDATION | TEST or len(names) != NAMES["fine_label_names.txt"]:
        raise ValueError(f"CIFAR-FS: the class names are not those of CIFAR-100; fetch {ARCHIVE} again")
    superclasses = files["coarse_label_names.txt"].decode("ascii").split()
    records = [_records(files[file], file, len(names)) for file in PICTURES]
    coarse, fine, images = (torch.cat(part) for part in zip(*records))
    order = fine.argsort(stable=True)
    starts = torch.arange(len(names)) * sum(PICTURES.values())
    families = [superclasses[c] for c in coarse[order][starts].tolist()]
    counts = fine.bincount(minlength=len(names)).tolist()
    return {"images": images[order]}, {"names": names, "counts": counts, "families": families}


def _download(folder: Path) -> Path:
    try:
        download_url(URL, folder, filename=ARCHIVE, md5=MD5)
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise ConnectionError(
            f"CIFAR-FS could not be downloaded ({error}). On a machine with a network, fetch {ARCHIVE} from {URL}, "
            'and pass the folder that it is in: datasets.load("cifar-fs", root="that/folder"), or --root that/folder.'
        ) from error
    return folder


def _files(root: Path) -> dict[str, bytes]:
    """The label names and the records, from the archive or from the folder it unpacks to."""
    archive = root / ARCHIVE
    if archive.is_file():
        if archives.md5(archive) != MD5:
            raise ValueError(f"{archive} is not the official archive, or damaged: its MD5 differs; fetch it again")
        limits = {f"{FOLDER}/{name}": limit for name, limit in _sizes().items()}
        return {name.split("/")[1]: data for name, data in archives.tar_members(archive, limits).items()}
    for folder in (root / FOLDER, root):
        if all((folder / name).is_file() for name in _sizes()):
            return {name: archives.read_file(folder / name, limit) for name, limit in _sizes().items()}
    hint = ". The pickled version for Python is not read" if list(root.glob("cifar-100-python*")) else ""
    raise FileNotFoundError(f"CIFAR-FS: {root} has no {_wanted()}{hint}")


def _sizes() -> dict[str, int]:
    """The most bytes that each file may have."""
    records = {name: n * NAMES["fine_label_names.txt"] * RECORD for name, n in PICTURES.items()}
    return records | {name: 40 * lines for name, lines in NAMES.items()}


def _records(data: bytes, file: str, n_classes: int) -> tuple[Tensor, Tensor, Tensor]:
    """Coarse labels (M,), fine labels (M,) and pictures (M, 3, 32, 32) uint8."""
    wanted = PICTURES[file] * n_classes
    if len(data) != wanted * RECORD:
        raise ValueError(
            f"CIFAR-FS: {file} has {len(data):,} bytes, it should have {wanted * RECORD:,}; fetch it again"
        )
    table = torch.frombuffer(bytearray(data), dtype=torch.uint8).view(wanted, RECORD)
    coarse, fine = table[:, 0].long(), table[:, 1].long()
    if int(fine.max()) >= n_classes or set(fine.bincount(minlength=n_classes).tolist()) != {PICTURES[file]}:
        raise ValueError(f"CIFAR-FS: {file} does not have {PICTURES[file]} pictures of every class; fetch it again")
    return coarse, fine, table[:, 2:].reshape(wanted, 3, SIDE, SIDE)
