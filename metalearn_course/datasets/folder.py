"""A reader's own pictures: one folder per class."""

from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from metalearn_course.common.progress import bar
from metalearn_course.datasets import transforms
from metalearn_course.datasets.images import ImageClasses, from_tensors
from metalearn_course.datasets.notes import Notes, listed
from metalearn_course.datasets.opening import Unreadable, is_coloured
from metalearn_course.datasets.small import Small, read_small, scaled
from metalearn_course.datasets.tree import Found, find

GREY_SIZE, COLOUR_SIZE = 28, 84  # pixels: what the field uses for characters and for photographs
FAINT, DARK = 8, 64  # of 255: pictures with less contrast, or without anything as light as this, are named


def load(
    path: str | Path,
    size: int | None = None,
    channels: int | None = None,
    invert: bool | None = None,
    depth: int | None = None,
    together: bool | None = None,
    skip_unreadable: bool = False,
    report: Callable[[str], None] | None = print,
) -> ImageClasses:
    """The pictures of PATH/CLASS/*.png (or .jpg, …: what Pillow reads), as many per class as there are.

    Modes, depths and sizes may differ. A picture is turned as its camera says, put on white where it is
    transparent, its middle square cut out and scaled to `size` pixels.

    size: the default is 28 for grey and 84 for colour pictures.
    channels: 1 or 3; by default 1 if no pixel of any picture is coloured, however it is stored.
    invert: in the course's character data ink is 1. The default asks the pictures: grey ones that mostly
      show dark ink on light paper are inverted, and colour is left alone. True or False decides.
    depth: how many folders down a class is; by default where the pictures lie.
    together: whether A/CLASS and B/CLASS are one class; by default where A and B are called train, val and
      test: then classes that lie in one of these alone make the official split (see `tree.find`).
    skip_unreadable: leave out pictures that cannot be read, rather than raise an error that names them.
    report: is given one line that says what was read, changed and left out; None for silence.

    Raises FileNotFoundError where PATH is no folder, ValueError for what cannot be read or is unclear.
    """
    transforms.check(size, channels)
    root = Path(path).expanduser().resolve()
    if not root.is_dir():
        raise FileNotFoundError(f"{root} is not a folder; give a folder that has one folder of pictures per class")
    found = find(root, depth, together)
    if channels is None:
        channels = 3 if any(_shows_colour(file) for files in found.classes.values() for file in files) else 1
    size = size or (GREY_SIZE if channels == 1 else COLOUR_SIZE)
    classes = _read(root, found, size, channels, skip_unreadable)
    pixels = scaled([small for smalls in classes.values() for small in smalls], found.noted)
    _note_faint(pixels, [small.name for smalls in classes.values() for small in smalls], found.noted)
    turned, said = polarity(pixels, invert)
    counts = [len(smalls) for smalls in classes.values()]
    if report is not None:
        report(_summary(root.name, counts, pixels, said, found))
    images = 255 - pixels if turned else pixels
    return from_tensors(root.name, images, counts, list(classes), **_official(found, classes))


# Reading -------------------------------------------------------------------------------------


def _shows_colour(file: Path) -> bool:
    try:
        return is_coloured(file)
    except Unreadable:  # told when it is read
        return False


def _read(root: Path, found: Found, size: int, channels: int, skip: bool) -> dict[str, list[Small]]:
    """The pictures by class; those that cannot be read are left out or, all of them in one error, refused."""
    classes: dict[str, list[Small]] = {}
    failed: list[str] = []
    progress = bar(total=sum(map(len, found.classes.values())), desc="pictures", leave=False)
    for name, files in found.classes.items():
        for file in files:
            progress.update()
            shown = file.relative_to(root).as_posix()
            try:
                small = read_small(shown, file, size, channels, found.noted)
                classes.setdefault(name, []).append(small)
            except Unreadable as error:
                failed.append(f"{file} ({error})")
                found.left_out.add("pictures that cannot be read", f"{shown}: {error}")
    progress.close()
    if failed and not (skip and classes):
        more = "" if len(failed) == 1 else f" and {len(failed) - 1} more: {listed(failed[1:])};"
        raise ValueError(
            f"the picture {failed[0]} cannot be read,{more} repair what is broken, or leave such pictures out with "
            "skip_unreadable=True (--skip-unreadable)"
        )
    for name in found.classes.keys() - classes.keys():
        found.left_out.add("classes without a picture that can be read", name)
    return classes


# What is said about them ---------------------------------------------------------------------


def _note_faint(pixels: Tensor, names: list[str], noted: Notes) -> None:
    """Names what shows next to nothing, such as 16 bits of colour that hold 10 or 12: Pillow drops the lower eight."""
    darkest, lightest = pixels.flatten(1).aminmax(dim=1)
    for i in (lightest - darkest < FAINT).nonzero().flatten().tolist():
        noted.add("pictures that show next to nothing: one tone all over", names[i])
    for i in ((lightest < DARK) & (lightest - darkest >= FAINT)).nonzero().flatten().tolist():
        noted.add(f"pictures that are nearly black: no tone above {DARK - 1} of 255", names[i])


def polarity(pixels: Tensor, invert: bool | None = None) -> tuple[bool, str]:
    """Whether to invert pictures (M, C, H, W) uint8, and the words for it; None asks them."""
    if invert is not None:
        return invert, "inverted, as asked" if invert else "not inverted, as asked"
    if pixels.shape[1] == 3:
        return False, "not inverted, for colour is left alone"
    votes = transforms.polarity(pixels)
    dark, light = int((votes > 0).sum()), int((votes < 0).sum())
    if dark > light and 3 * dark >= len(pixels):
        odd = f"; {light} look the other way round" if light else ""
        return True, f"inverted, for they show dark ink on light paper and ink is 1 here{odd} (invert=False keeps them)"
    if light:
        odd = f"; {dark} look the other way round" if dark else ""
        return False, f"not inverted, for {light} show light ink on dark paper{odd}"
    return False, "not inverted, for few or none show dark ink on even, light paper"


def _summary(name: str, counts: list[int], pixels: Tensor, said: str, found: Found) -> str:
    _, channels, size, _ = pixels.shape
    least, most = min(counts), max(counts)
    per_class = f"{least} to {most} pictures" if least < most else f"{least} picture{'s' if least > 1 else ''}"
    line = (
        f"{name}: {len(counts)} {'class' if len(counts) == 1 else 'classes'} with {per_class} per class, "
        f"{len(pixels)} in all, {size}x{size}, {'grey' if channels == 1 else 'in colour'}, {said}."
    )
    if found.parts:
        line += f" Parts: {', '.join(f'{part} {len(names)}' for part, names in sorted(found.parts.items()))} classes."
    if found.noted.names:
        line += f" Noted: {found.noted.line()}."
    if found.left_out.names:
        line += f" Left out: {found.left_out.line()}."
    return line


def _official(found: Found, classes: dict[str, list[Small]]) -> dict[str, frozenset[str]]:
    """The split that the folders tell: where test classes lie apart and are no training classes as well."""
    train, val, test = (found.parts.get(part, set()) & classes.keys() for part in ("train", "val", "test"))
    if not train or not test or train & test or train & val or val & test:
        return {}
    return {"official_test": frozenset(test), "official_validation": frozenset(val)}
