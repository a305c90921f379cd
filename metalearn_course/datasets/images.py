"""ImageClasses: every picture of a dataset in one tensor, and a table of its classes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

DEFAULT_SPLIT = (0.65, 0.10, 0.25)  # shares of the groups for training, validation and test


@dataclass(frozen=True, eq=False)
class ImageClasses:
    """Pictures by class. Class c owns the rows starts[c] .. starts[c] + counts[c] of `images`.

    A group is what must not be torn apart by a split: a character with its rotations, or two
    characters that look alike. A task holds at most one class of a group.
    """

    name: str
    images: Tensor  # (M, C, H, W) uint8; for characters ink is 255 and paper 0
    names: tuple[str, ...]  # of the classes
    groups: tuple[str, ...]  # of the classes
    starts: Tensor  # (n_classes,) int64, on the CPU like all index arithmetic
    counts: Tensor  # (n_classes,) int64
    hash: str  # of the whole dataset; a split keeps it
    split_sizes: tuple = DEFAULT_SPLIT
    official_test: frozenset[str] = frozenset()  # groups that the dataset's authors keep for testing
    official_validation: frozenset[str] = frozenset()  # and for validation, where they name these too
    rotations: Tensor | None = None  # (n_classes,) quarter turns, None where nothing is turned

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.names)

    def __repr__(self) -> str:
        size = "x".join(str(n) for n in self.images.shape[1:])
        return f"ImageClasses({self.name}: {len(self)} classes in {len(set(self.groups))} groups, pictures {size})"

    def select(self, classes: Sequence[int]) -> "ImageClasses":
        """The given classes (by index); the pictures are shared, not copied."""
        index = torch.as_tensor(classes, dtype=torch.long)
        return replace(
            self,
            names=tuple(self.names[c] for c in classes),
            groups=tuple(self.groups[c] for c in classes),
            starts=self.starts[index],
            counts=self.counts[index],
            rotations=None if self.rotations is None else self.rotations[index],
        )

    def with_at_least(self, n_pictures: int) -> "ImageClasses":
        """Only the classes that have at least `n_pictures` pictures."""
        return self.select([c for c, count in enumerate(self.counts.tolist()) if count >= n_pictures])

    def with_rotations(self) -> "ImageClasses":
        """Four classes out of each: turned by 0, 90, 180 and 270 degrees, in the same group.

        The usual augmentation of Omniglot. Nothing is stored: pictures are turned when they are drawn.
        """
        if self.rotations is not None:
            raise ValueError("these classes are rotated already")
        if self.images.shape[-2] != self.images.shape[-1]:
            height, width = self.images.shape[-2:]
            raise ValueError(f"the pictures of {self.name} are {height}x{width}; only square ones can be rotated")
        turns = torch.arange(4).repeat_interleave(len(self))
        names = tuple(f"{name}@{90 * t}" for t in range(4) for name in self.names)
        return replace(
            self,
            names=names,
            groups=self.groups * 4,
            starts=self.starts.repeat(4),
            counts=self.counts.repeat(4),
            rotations=turns,
        )

    def split(self, seed: int = 0, sizes: Sequence[float] | None = None, official: bool = False):
        """(train, validation, test), disjoint by group.

        sizes: three group counts, or three shares that add up to 1; the default is the dataset's own
        (Omniglot: 1100/100/423); counts may leave groups out. official=True takes the authors' test
        groups as the test set, and their validation groups too or, where they name none, as many as `sizes`
        says, drawn from the rest.
        """
        groups = sorted(set(self.groups))
        order = torch.randperm(len(groups), generator=torch.Generator().manual_seed(seed)).tolist()
        shuffled = [groups[i] for i in order]
        n_train, n_val, n_test = _group_counts(sizes or self.split_sizes, len(groups))
        if official:
            if not self.official_test:
                raise ValueError(f"{self.name} has no official split; use official=False")
            rest = [g for g in shuffled if g not in self.official_test]
            validation = self.official_validation or frozenset(rest[:n_val])
            parts = frozenset(rest) - validation, validation, self.official_test
        else:
            parts = shuffled[:n_train], shuffled[n_train:][:n_val], shuffled[n_train + n_val :][:n_test]
        return tuple(self._of_groups(frozenset(part)) for part in parts)

    def _of_groups(self, wanted: frozenset[str]) -> "ImageClasses":
        return self.select([c for c, group in enumerate(self.groups) if group in wanted])

    def to(self, device) -> "ImageClasses":
        """The same classes with the pictures on another device."""
        return replace(self, images=self.images.to(device))

    def pictures(self, classes: Tensor, numbers: Tensor) -> Tensor:
        """Gather pictures as floats in [0, 1].

        classes (T, N) are class indices, numbers (T, N, K) count the pictures within each class;
        the answer is (T, N, K, C, H, W) on the device of the images.
        """
        rows = self.starts[classes].unsqueeze(-1) + numbers
        x = self.images[rows.to(self.images.device)]  # (T, N, K, C, H, W) uint8
        if self.rotations is not None:
            turns = self.rotations[classes].to(x.device)  # (T, N)
            for quarter in (1, 2, 3):
                turned = (turns == quarter).nonzero(as_tuple=True)
                x[turned] = torch.rot90(x[turned], quarter, (-2, -1))
        return x.float().div_(255)


def _group_counts(sizes: Sequence[float], n_groups: int) -> tuple[int, int, int]:
    """Whole numbers of groups out of counts or shares."""
    if len(sizes) != 3 or min(sizes) < 0:
        raise ValueError(f"sizes={tuple(sizes)}: give three numbers, for training, validation and test")
    if abs(sum(sizes) - 1) < 1e-6:
        n_train = round(sizes[0] * n_groups)
        n_val = min(round(sizes[1] * n_groups), n_groups - n_train)
        return n_train, n_val, n_groups - n_train - n_val
    if sum(sizes) > n_groups or any(size != int(size) for size in sizes):
        raise ValueError(
            f"sizes={tuple(sizes)}: give whole numbers with a sum of at most {n_groups} (the groups there are), "
            "or shares that add up to 1"
        )
    n_train, n_val, n_test = map(int, sizes)
    return n_train, n_val, n_test


def from_tensors(name: str, images: Tensor, counts: Sequence[int], names, groups=None, hash=None, **options):
    """ImageClasses of pictures (M, C, H, W) uint8 that are sorted by class, counts[c] of class c.

    hash identifies the dataset; by default it is that of pictures, counts and names.
    """
    counts = torch.as_tensor(counts)
    if int(counts.sum()) != len(images) or len(counts) != len(names):
        raise ValueError(f"{len(images)} pictures, counts for {int(counts.sum())}, {len(names)} class names")
    if groups is not None and len(groups) != len(names):
        raise ValueError(f"{len(groups)} groups for {len(names)} classes; give every class its group")
    if images.dtype != torch.uint8:
        raise ValueError(f"the pictures are {images.dtype}; give uint8, with 255 for what shall be drawn as 1")
    if hash is None:
        digest = hashlib.sha256(images.contiguous().numpy())
        digest.update(repr((name, counts.tolist(), list(names))).encode())
        hash = digest.hexdigest()[:16]
    return ImageClasses(
        name=name,
        images=images,
        names=tuple(names),
        groups=tuple(groups or names),
        starts=counts.cumsum(0) - counts,
        counts=counts,
        hash=hash,
        **options,
    )
