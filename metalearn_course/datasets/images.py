"""ImageClasses: every picture of a dataset in one tensor, and a table of its classes."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from metalearn_course.datasets.identity import SKETCH, picture_ids

DEFAULT_SPLIT = (0.65, 0.10, 0.25)  # shares of the groups for training, validation and test
FEW = 2  # groups that each part of a default split has at least, so that it gives tasks of two classes


@dataclass(frozen=True, eq=False)
class ImageClasses:
    """Pictures by class. Class c owns the rows starts[c] .. starts[c] + counts[c] of `images`.

    A group is what must not be torn apart by a split: a character with its rotations, or two
    characters that look alike. A task holds at most one class of a group.

    What a dataset does not know is empty: families, subgroups, descriptions, styles.
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
    rotations: Tensor | None = None  # (n_classes,) quarter turns, 4 more in the mirror; None: nothing is turned
    families: tuple[str, ...] = ()  # of the classes: alphabet, component, kind of thing
    subgroups: tuple[str, ...] = ()  # of the classes: finer than families
    descriptions: tuple[tuple[str, ...], ...] = ()  # of the classes: keywords, components
    styles: tuple[str, ...] = ()  # of the pictures, row by row of `images`: who drew them
    ids: Tensor | None = None  # of the pictures, where the dataset gives them; see `picture_ids`

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.names)

    def __repr__(self) -> str:
        size = "x".join(str(n) for n in self.images.shape[1:])
        return f"ImageClasses({self.name}: {len(self)} classes in {len(set(self.groups))} groups, pictures {size})"

    def select(self, classes: Sequence[int] | Sequence[bool] | Tensor) -> "ImageClasses":
        """The given classes, by index or by a mask with a bool for every class; the pictures are shared, not copied.

        ValueError for anything else: indices out of range, a mask of another length, fractions.

        >>> pictures = (torch.rand(10 * 4, 1, 28, 28) * 255).byte()
        >>> images = from_tensors("noise", pictures, counts=[4] * 10, names=list("abcdefghij"))
        >>> images.select([0, 2]).names
        ('a', 'c')
        >>> len(images.select(images.counts > 4))
        0
        """
        index = _class_index(classes, len(self))
        chosen = index.tolist()
        return replace(
            self,
            **{field: tuple(getattr(self, field)[c] for c in chosen) for field in self._fields_of_classes()},
            starts=self.starts[index],
            counts=self.counts[index],
            rotations=None if self.rotations is None else self.rotations[index],
        )

    def _fields_of_classes(self) -> list[str]:
        """The tables with an entry a class that this dataset has."""
        return [f for f in ("names", "groups", "families", "subgroups", "descriptions") if getattr(self, f)]

    def with_at_least(self, n_pictures: int) -> "ImageClasses":
        """Only the classes that have at least `n_pictures` pictures."""
        return self.select([c for c, count in enumerate(self.counts.tolist()) if count >= n_pictures])

    def with_rotations(self, reflections: bool = False) -> "ImageClasses":
        """Four classes out of each: turned by 0, 90, 180 and 270 degrees, in the same group.

        The usual augmentation of Omniglot. With reflections=True there are eight, each of the four in the
        mirror too. Nothing is stored: pictures are turned when they are drawn.

        >>> pictures = (torch.rand(10 * 4, 1, 28, 28) * 255).byte()
        >>> images = from_tensors("noise", pictures, counts=[4] * 10, names=list("abcdefghij"))
        >>> images.with_rotations()
        ImageClasses(noise: 40 classes in 10 groups, pictures 1x28x28)
        """
        if self.rotations is not None:
            raise ValueError("these classes are rotated already")
        if self.images.shape[-2] != self.images.shape[-1]:
            height, width = self.images.shape[-2:]
            raise ValueError(f"the pictures of {self.name} are {height}x{width}; only square ones can be rotated")
        endings = [f"@{90 * t}{mirror}" for mirror in ("", "m")[: 1 + reflections] for t in range(4)]
        n = len(endings)
        tables = {field: getattr(self, field) * n for field in self._fields_of_classes()}
        tables["names"] = tuple(name + ending for ending in endings for name in self.names)
        turns = torch.arange(n).repeat_interleave(len(self))
        return replace(self, **tables, starts=self.starts.repeat(n), counts=self.counts.repeat(n), rotations=turns)

    def split(self, seed: int = 0, sizes: Sequence[float] | None = None, official: bool = False, by: str = "group"):
        """(train, validation, test), disjoint by group.

        sizes: three group counts, or three shares that add up to 1; counts may leave groups out, and a 0
        leaves that part empty. The default is the dataset's own (Omniglot: 1100/100/423) where the groups
        suffice for it, else the same in shares, and then every part gets a group at least, two where there
        are six. official=True takes the authors' test groups as the test set, and their validation groups
        too or, where they name none, as many as `sizes` says, drawn from the rest.

        by="subgroup" or "family" keeps these together as well, for tests on another kind of thing, and
        `sizes` counts them; a group that spans two of them goes with its first class.

        >>> pictures = (torch.rand(10 * 4, 1, 28, 28) * 255).byte()
        >>> images = from_tensors("noise", pictures, counts=[4] * 10, names=list("abcdefghij"))
        >>> train, validation, test = images.split(seed=0, sizes=(6, 2, 2))
        >>> len(train), len(validation), len(test), set(train.names) & set(test.names)
        (6, 2, 2, set())
        """
        units = self._units(by)
        every = sorted(set(units))
        order = torch.randperm(len(every), generator=torch.Generator().manual_seed(seed)).tolist()
        shuffled = [every[i] for i in order]
        n_train, n_val, n_test = _part_sizes(sizes, self.split_sizes, len(every))
        if official:
            if by != "group":
                raise ValueError(f"official=True is a split by group; leave by={by!r} or official out")
            if not self.official_test:
                raise ValueError(f"{self.name} has no official split; use official=False")
            rest = [g for g in shuffled if g not in self.official_test]
            validation = self.official_validation or frozenset(rest[:n_val])
            parts = frozenset(rest) - validation, validation, self.official_test
        else:
            parts = shuffled[:n_train], shuffled[n_train:][:n_val], shuffled[n_train + n_val :][:n_test]
        return tuple(self._of_units(units, frozenset(part)) for part in parts)

    def _units(self, by: str) -> tuple[str, ...]:
        """What a split keeps together, for every class; a whole group has the unit of its first class."""
        tables = {"group": self.groups, "subgroup": self.subgroups, "family": self.families}
        if by not in tables:
            raise ValueError(f'by={by!r}: choose "group", "subgroup" or "family"')
        if len(self) and not tables[by]:
            raise ValueError(f'{self.name} does not say the {by} of its classes; use by="group"')
        first = dict(zip(reversed(self.groups), reversed(tables[by])))
        return tuple(first[group] for group in self.groups)

    def _of_units(self, units: tuple[str, ...], wanted: frozenset[str]) -> "ImageClasses":
        return self.select([c for c, unit in enumerate(units) if unit in wanted])

    def to(self, device) -> "ImageClasses":
        """The same classes with the pictures on another device."""
        return replace(self, images=self.images.to(device))

    def pictures(self, classes: Tensor, numbers: Tensor) -> Tensor:
        """Gather pictures as floats in [0, 1].

        classes (T, N) are class indices, numbers (T, N, K) count the pictures within each class;
        the answer is (T, N, K, C, H, W) on the device of the images, which nothing here waits for.
        """
        device = self.images.device
        rows = self.starts[classes].unsqueeze(-1) + numbers
        x = self.images[rows.to(device, non_blocking=True)]  # (T, N, K, C, H, W) uint8
        if self.rotations is not None:
            turns = self.rotations[classes].to(device, non_blocking=True)  # (T, N)
            x = _turned(x, turns.view(*classes.shape, 1, 1))
        return x.float().div_(255)

    @property
    def picture_ids(self) -> Tensor:
        """(M,) int64: what a picture is known by, whatever its dataset is called and whether ink is 0 or 255.

        From the contents (`identity.picture_ids`), unless the dataset gives ids; 0 where a picture is constant.
        """
        return picture_ids(self.images) if self.ids is None else self.ids

    def seen_ids(self) -> Tensor:
        """(at most 8 a class,) int64, sorted: by these ids a learner that trained on these classes knows them again."""
        smallest = [ids[ids != 0].sort().values[:SKETCH] for ids in self._ids_by_class()]
        return torch.cat([torch.zeros(0, dtype=torch.long), *smallest]).unique()

    def classes_among(self, ids: Tensor) -> list[int]:
        """The classes that have a picture whose id is among `ids`, such as another dataset's `seen_ids()`."""
        known = torch.isin(self.picture_ids, ids[ids != 0])
        rows = zip(self.starts.tolist(), self.counts.tolist())
        return [c for c, (start, count) in enumerate(rows) if known[start : start + count].any()]

    def _ids_by_class(self) -> list[Tensor]:
        ids = self.picture_ids
        return [ids[start : start + count] for start, count in zip(self.starts.tolist(), self.counts.tolist())]


def _turned(x: Tensor, turns: Tensor) -> Tensor:
    """Square pictures x (..., H, W), each turned by turns (...) quarters as torch.rot90 does, 4 to 7 mirrored first.

    One gather of pixels, for which nothing is read back from a device.
    """
    side = x.shape[-1]
    upright = torch.arange(side * side, device=x.device).view(side, side)
    ways = [torch.rot90(places, quarters).flatten() for places in (upright, upright.flip(-1)) for quarters in range(4)]
    places = torch.stack(ways)  # (8, H * W): where the pixels of each way come from
    return x.flatten(-2).gather(-1, places[turns].expand(*x.shape[:-2], -1)).view_as(x)


def _class_index(classes, n_classes: int) -> Tensor:
    """Class indices (n,) int64 out of indices or a mask."""
    try:
        index = torch.as_tensor(classes if isinstance(classes, Tensor) else list(classes)).cpu()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"classes={classes!r} are neither class indices nor a mask ({error})") from error
    if index.dtype == torch.bool and index.shape == (n_classes,):
        return index.nonzero().flatten()
    if not index.numel():
        return torch.zeros(0, dtype=torch.long)
    if index.dtype == torch.bool or index.is_floating_point() or index.is_complex() or index.dim() != 1:
        raise ValueError(
            f"classes of type {index.dtype} and shape {tuple(index.shape)}: give a list of class indices, "
            f"or a mask with a bool for each of the {n_classes} classes"
        )
    if index.min() < -n_classes or index.max() >= n_classes:
        raise ValueError(f"class index {int(index.abs().max())} is out of range: there are {n_classes} classes")
    return index.long() % n_classes


def _part_sizes(given: Sequence[float] | None, default: Sequence[float], n_units: int) -> tuple[int, int, int]:
    """Whole numbers of groups for the three parts of a split, from what the caller gives or from the default."""
    if given is not None:
        return _group_counts(given, n_units)
    total = sum(default)
    if abs(total - 1) > 1e-6 and total <= n_units:
        return _group_counts(default, n_units)
    wanted = [part for part in range(3) if default[part] > 0]
    if n_units < len(wanted):
        raise ValueError(
            f"{n_units} groups of classes are too few for training, validation and test; give sizes=, "
            f"such as ({n_units}, 0, 0) to train on all of them or (0, 0, {n_units}) to test on all"
        )
    shares = [size / total for size in default]
    sizes = list(_group_counts(shares, n_units))
    fewest = min(FEW, n_units // len(wanted))
    while small := [part for part in wanted if sizes[part] < fewest]:
        large = [part for part in range(3) if sizes[part] > fewest]
        above = max(large, key=lambda part: sizes[part] - shares[part] * n_units)  # its share, by most
        sizes[above] -= 1
        sizes[small[0]] += 1
    n_train, n_val, n_test = sizes
    return n_train, n_val, n_test


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


def from_tensors(
    name: str, images: Tensor, counts: Sequence[int] | Tensor, names, groups=None, hash=None, **options
) -> ImageClasses:
    """ImageClasses of pictures (M, C, H, W) uint8 that are sorted by class, counts[c] of class c.

    hash identifies the dataset; by default it is that of pictures, counts and names. options are further fields.

    >>> pictures = torch.zeros(5, 3, 32, 32, dtype=torch.uint8)
    >>> from_tensors("mine", pictures, counts=[3, 2], names=["cat", "dog"])
    ImageClasses(mine: 2 classes in 2 groups, pictures 3x32x32)
    """
    counts_of = torch.as_tensor(counts)
    if int(counts_of.sum()) != len(images) or len(counts_of) != len(names):
        raise ValueError(f"{len(images)} pictures, counts for {int(counts_of.sum())}, {len(names)} class names")
    options["groups"] = tuple(groups or names)
    for field, of, length in (
        ("groups", "classes", len(names)),
        ("families", "classes", len(names)),
        ("subgroups", "classes", len(names)),
        ("descriptions", "classes", len(names)),
        ("styles", "pictures", len(images)),
    ):
        options[field] = tuple(options.get(field, ()))
        if options[field] and len(options[field]) != length:
            raise ValueError(f"{len(options[field])} {field} for {length} {of}; give one for each of the {of}")
    if images.dtype != torch.uint8:
        raise ValueError(f"the pictures are {images.dtype}; give uint8, with 255 for what shall be drawn as 1")
    if hash is None:
        digest = hashlib.sha256(images.contiguous().numpy())
        digest.update(repr((name, counts_of.tolist(), list(names))).encode())
        hash = digest.hexdigest()[:16]
    starts = counts_of.cumsum(0) - counts_of
    return ImageClasses(
        name=name, images=images, names=tuple(names), starts=starts, counts=counts_of, hash=hash, **options
    )
