"""Draws the dataset `emoji` anew from the packages that its artists' sets are published in.

Readers do not need this: its result, `emoji.zip`, is part of the course. To repeat it, bring the packages
into a folder, install the renderer, and run this module on the folder:

    npm pack openmoji @iconify-json/{noto,noto-v1,fxemoji,fluent-emoji,fluent-emoji-flat} \\
        @iconify-json/{fluent-emoji-high-contrast,twemoji,emojione,emojione-monotone} \\
        @iconify-json/{streamline-emojis,openmoji,emojione-v1}
    pip install resvg-py
    python -m metalearn_course.datasets.emoji_build PACKAGES_FOLDER

It takes two minutes, writes emoji.zip and emoji-licences.md beside this file, and prints the classes that
look most alike across groups. With a second folder it also writes contact sheets there, to be looked at.

The picture of the README is drawn from the finished file, `python -c "from metalearn_course.datasets import
emoji_build; emoji_build.write_picture('notebooks/pictures/emoji.png')"`.
"""

import csv
import io
import json
import re
import sys
import tarfile
import unicodedata
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NamedTuple, cast

import torch
from PIL import Image, ImageDraw
from torchvision.transforms.functional import pil_to_tensor, to_pil_image

from metalearn_course.common.progress import bar
from metalearn_course.datasets import emoji
from metalearn_course.datasets import emoji_choices as choices

SETS = (
    "noto",
    "noto-v1",
    "twemoji",
    "openmoji",
    "emojione",
    "emojione-v1",
    "emojione-monotone",
    "fxemoji",
    "streamline-emojis",
    "fluent-emoji",
    "fluent-emoji-flat",
    "fluent-emoji-high-contrast",
)
SIZE = 32
RENDERED = 4 * SIZE  # drawn larger and scaled down: thin lines stay sharp
FEWEST = 8  # drawings a class
LEFT_OUT = {"flags", "component", "extras-openmoji", "extras-unicode"}  # groups
SYMBOLS = {"religion", "warning", "transport-sign"}  # the subgroups of symbols that are pictures of something
LETTERS = {"ATM sign", "water closet"}  # and these two of them are not
HERE = Path(__file__).parent


class Thing(NamedTuple):
    """What is drawn, as the Unicode Common Locale Data Repository (CLDR) describes it."""

    code: str  # one code point, hexadecimal
    name: str
    family: str  # the group of CLDR, 8 kinds
    subgroup: str
    keywords: tuple[str, ...]


class DrawnSet(NamedTuple):
    """One artist's set."""

    icons: dict  # the contents of icons.json: SVG bodies by name, aliases, sizes
    names: dict[str, str]  # icon by code point; empty where the set does not say
    about: dict  # package, version, author, url, licence


def main(packages: Path, sheets: Path | None = None) -> None:
    """Build the data file and the list of licences from the packages in a folder."""
    things, sets = read(packages)
    matched = match(things, sets)
    pictures = {
        thing.name: {style: draw(sets[style].icons, icon) for style, icon in icons.items()}
        for thing, icons in bar(matched, desc="emoji, drawing", unit=" classes")
    }
    pictures = {name: _without_copies(drawn) for name, drawn in pictures.items()}
    kept = [thing for thing, _ in matched if len(pictures[thing.name]) >= FEWEST]
    write(HERE / "emoji.zip", kept, pictures, {style: drawn.about for style, drawn in sets.items()})
    print(f"{len(kept)} classes, {sum(len(pictures[thing.name]) for thing in kept):,} pictures")
    print_alike(kept, pictures)
    if sheets:
        write_sheets(sheets, kept, pictures)


# Reading the packages ------------------------------------------------------------------------


def read(packages: Path) -> tuple[list[Thing], dict[str, DrawnSet]]:
    """What there is to draw, in CLDR's order, and the sets by style."""
    table = _file(packages, "openmoji", "data/openmoji.csv")
    return _things(table), {style: _drawn_set(packages, style) for style in SETS}


def _file(packages: Path, package: str, path: str) -> str:
    """A text file of a package, from npm's archive or from the folder that it unpacks to."""
    archives = sorted(packages.glob(f"{package.strip('@').replace('/', '-')}-[0-9]*.tgz"))
    if archives:
        with tarfile.open(archives[-1]) as archive:
            return cast(IO[bytes], archive.extractfile(f"package/{path}")).read().decode()
    for folder in (packages / package, packages / "node_modules" / package):
        if folder.is_dir():
            return (folder / path).read_text(encoding="utf-8")
    raise FileNotFoundError(f"the package {package} is not in {packages}; see the head of {__name__}")


def _things(table: str) -> list[Thing]:
    rows = [row for row in csv.DictReader(io.StringIO(table)) if _is_wanted(row)]
    return [
        Thing(
            _code(row["hexcode"]),
            row["annotation"],
            row["group"],
            row["subgroups"],
            tuple(tag.strip() for tag in row["tags"].split(",") if tag.strip()),
        )
        for row in rows
    ]


def _is_wanted(row: dict) -> bool:
    """One code point that shows a thing: no flag, letter, arrow or clock face, no variant of another."""
    if "-" in _code(row["hexcode"]) or row["group"] in LEFT_OUT or row["annotation"] in LETTERS:
        return False
    if row["subgroups"] == "time" and re.search("o’clock|thirty", row["annotation"]):
        return False
    return row["group"] != "symbols" or row["subgroups"] in SYMBOLS


def _code(hexcode: str) -> str:
    """In small letters, without the mark that asks for a coloured drawing."""
    return hexcode.lower().replace("-fe0f", "")


def _drawn_set(packages: Path, style: str) -> DrawnSet:
    files = ("info.json", "package.json", "chars.json", "icons.json")
    info, package, chars, icons = (json.loads(_file(packages, f"@iconify-json/{style}", file)) for file in files)
    about = dict(
        package=package["name"],
        version=package["version"],
        author=info["author"]["name"],
        url=info["author"]["url"],
        licence=info["license"]["title"],
        licence_url=info["license"]["url"],
    )
    return DrawnSet(icons, {_code(code): name for code, name in chars.items()}, about)


# Which drawing shows which thing -------------------------------------------------------------


def match(things: list[Thing], sets: dict[str, DrawnSet]) -> list[tuple[Thing, dict[str, str]]]:
    """The icon of every thing by style, for all things with enough drawings.

    By code point where the set says it, by name elsewhere; what `emoji_choices` says goes first.
    """
    names = known_names(things, sets)
    by_style = {style: _icons(things, drawn, names, choices.NAMES.get(style, {})) for style, drawn in sets.items()}
    found = [(thing, {style: icons[thing.name] for style, icons in by_style.items() if thing.name in icons})
             for thing in things]  # fmt: skip
    for (style, name), _ in choices.WRONG.items():
        next(icons for thing, icons in found if thing.name == name).pop(style)
    return [(thing, icons) for thing, icons in found if len(icons) >= FEWEST]


def known_names(things: list[Thing], sets: dict[str, DrawnSet]) -> dict[str, str]:
    """CLDR's name of a thing by any name of it: CLDR's, a set's, an alias of a set's, Unicode's; the first counts."""
    named = {thing.code: thing.name for thing in things}
    found = [(thing.name, thing.name) for thing in things]
    for drawn in sets.values():
        found += [(icon, named[code]) for code, icon in drawn.names.items() if code in named]
    for drawn in sets.values():
        back = {icon: named[code] for code, icon in drawn.names.items() if code in named}
        aliases = drawn.icons.get("aliases", {})
        found += [(alias, back[to["parent"]]) for alias, to in aliases.items() if to["parent"] in back]
    found += [(unicodedata.name(chr(int(thing.code, 16)), ""), thing.name) for thing in things]
    names: dict[str, str] = {}
    for name, thing in found:
        names.setdefault(_plain(name), thing)
    names.pop("", None)
    return names


def _plain(name: str) -> str:
    """Letters and digits alone."""
    return re.sub("[^a-z0-9]", "", unicodedata.normalize("NFKD", name.lower()))


def _icons(things: list[Thing], drawn: DrawnSet, names: dict[str, str], chosen: dict[str, str]) -> dict[str, str]:
    """The set's icon by CLDR name."""
    icons = {thing: icon for icon, thing in chosen.items()}
    if drawn.names:
        return {thing.name: drawn.names[thing.code] for thing in things if thing.code in drawn.names} | icons
    for icon in [*drawn.icons["icons"], *drawn.icons.get("aliases", {})]:
        name = names.get(_plain(icon)) or names.get(_plain(re.sub("-1$", "", icon)))  # the first of several drawings
        if name and icon not in chosen:
            icons.setdefault(name, icon)
    return icons


# Drawing -------------------------------------------------------------------------------------


def draw(icons: dict, name: str) -> Image.Image:
    """A drawing on white, 32x32; the lowest bit of every colour is 1, which takes a tenth off the file."""
    import resvg_py  # ty: ignore[import-not-found] # what only this script needs

    png = resvg_py.svg_to_bytes(
        svg_string=svg(icons, name), width=RENDERED, height=RENDERED, background="#ffffff", skip_system_fonts=True
    )
    picture = Image.open(io.BytesIO(bytes(png))).convert("RGB")
    square = Image.new("RGB", (RENDERED, RENDERED), "white")
    square.paste(picture, ((RENDERED - picture.width) // 2, (RENDERED - picture.height) // 2))
    return square.resize((SIZE, SIZE), Image.Resampling.LANCZOS).point(lambda colour: colour | 1)


def svg(icons: dict, name: str) -> str:
    """The whole SVG of an icon or an alias; what takes the colour of the text is black."""
    while name in icons.get("aliases", {}):
        name = icons["aliases"][name]["parent"]
    icon: dict[str, Any] = {"left": 0, "top": 0, **{key: icons[key] for key in ("width", "height") if key in icons}}
    icon |= icons["icons"][name]
    box = "{left} {top} {width} {height}".format(**icon)
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" '
        f'viewBox="{box}" width="{icon["width"]}" height="{icon["height"]}">'
        f"{icon['body'].replace('currentColor', '#000')}</svg>"
    )


def _without_copies(drawn: dict[str, Image.Image]) -> dict[str, Image.Image]:
    """Each drawing once: now and then a set takes over that of another."""
    first = {picture.tobytes(): style for style, picture in reversed(drawn.items())}
    return {style: drawn[style] for style in drawn if first[drawn[style].tobytes()] == style}


# Writing -------------------------------------------------------------------------------------


def write(path: Path, things: list[Thing], pictures: dict[str, dict[str, Image.Image]], sets: dict[str, dict]) -> None:
    """One strip of pictures a class, the table of classes, and the licences; the same bytes every time."""
    group = {name: group[0] for group in choices.LOOK_ALIKES for name in group}
    classes = [
        dict(thing._asdict(), group=group.get(thing.name, thing.name), styles=list(pictures[thing.name]))
        for thing in things
    ]
    licences = licence_text(sets)
    path.with_name("emoji-licences.md").write_text(licences, encoding="utf-8")
    with zipfile.ZipFile(path, "w") as archive:
        _add(archive, "index.json", json.dumps(dict(styles=sets, classes=classes), ensure_ascii=False).encode())
        _add(archive, "emoji-licences.md", licences.encode())
        for thing in things:
            _add(archive, f"{thing.code}.webp", _strip(list(pictures[thing.name].values())))


def _add(archive: zipfile.ZipFile, name: str, data: bytes) -> None:
    archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)


def _strip(pictures: list[Image.Image]) -> bytes:
    """The pictures below each other, compressed without loss."""
    strip = Image.new("RGB", (SIZE, SIZE * len(pictures)))
    for number, picture in enumerate(pictures):
        strip.paste(picture, (0, SIZE * number))
    data = io.BytesIO()
    strip.save(data, "WEBP", lossless=True, quality=100, method=4)
    return data.getvalue()


def licence_text(sets: dict[str, dict]) -> str:
    """Who drew what and under which licence, as a Markdown page."""
    rows = [
        f"| {style} | {about['author']}, <{about['url']}> | `{about['package']}` {about['version']} "
        f"| [{about['licence']}]({about['licence_url']}) |"
        for style, about in sets.items()
    ]
    return LICENCES.format(table="\n".join(rows))


LICENCES = """# Who drew `emoji`

The pictures of the dataset `emoji` are drawings of twelve sets, rendered at 32x32 pixels on white by
`metalearn_course/datasets/emoji_build.py` and joined by what CLDR says about the things that they show; that
is all that was changed. The collection, `emoji.zip`, may be used under
[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/), the licence of those sets that ask works
derived from them to keep it. Each drawing stays under its own licence too.

| style | drawn by | package and version | licence |
|---|---|---|---|
{table}

Names, groups, subgroups and keywords are those of the Unicode Common Locale Data Repository
([Unicode License](https://www.unicode.org/license.txt)), read from the npm package `openmoji` (CC BY-SA 4.0).
The packages `@iconify-json/*` are made by [Iconify](https://iconify.design) from the artists' own files.

## Apache License 2.0

Licensed under the Apache License, Version 2.0; a copy of it is at <https://www.apache.org/licenses/LICENSE-2.0>.
Unless required by applicable law or agreed to in writing, software distributed under the License is distributed
on an "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the License for
the specific language governing permissions and limitations under the License.

## MIT License

Copyright (c) Microsoft Corporation.

Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation
the rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and
to permit persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of
the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO
THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF
CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS
IN THE SOFTWARE.
"""


# To be looked at -----------------------------------------------------------------------------


def print_alike(things: list[Thing], pictures: dict[str, dict[str, Image.Image]], n_pairs: int = 60) -> None:
    """The pairs of classes in different groups that the same artists draw most alike, for judging by eye."""
    alike = alikeness(things, pictures)
    group = {name: group[0] for group in choices.LOOK_ALIKES for name in group}
    for index in alike.triu(1).flatten().argsort(descending=True).tolist():
        a, b = (things[i].name for i in divmod(index, len(things)))
        if group.get(a, a) != group.get(b, b):
            print(f"{alike.flatten()[index]:.2f}  {a} | {b}")
            n_pairs -= 1
        if not n_pairs:
            return


def alikeness(things: list[Thing], pictures: dict[str, dict[str, Image.Image]]) -> torch.Tensor:
    """(n, n): correlation of two classes' blurred pictures, the mean over the styles that drew both."""
    total, count = torch.zeros(2, len(things), len(things))
    for style in SETS:
        index = torch.tensor([i for i, thing in enumerate(things) if style in pictures[thing.name]])
        x = torch.stack([pil_to_tensor(pictures[things[i].name][style]).float() for i in index])
        x = torch.nn.functional.avg_pool2d(x, 3, stride=1, padding=1).flatten(1)
        x = torch.nn.functional.normalize(x - x.mean(1, keepdim=True))
        total[index.unsqueeze(1), index] += x @ x.T
        count[index.unsqueeze(1), index] += 1
    return total / count.clamp_min(1)


def write_sheets(folder: Path, things: list[Thing], pictures: dict[str, dict[str, Image.Image]], rows=35) -> None:
    """Contact sheets: a line a class, a column a style, gaps where a set has no drawing."""
    folder.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(things), 2 * rows):
        sheet = Image.new("RGB", (2 * 520, rows * 33), "#cccccc")
        pen = ImageDraw.Draw(sheet)
        for place, thing in enumerate(things[start : start + 2 * rows]):
            x, y = place // rows * 520, place % rows * 33
            pen.text((x + 1, y), f"{thing.code}\n{thing.name[:21]}\n{thing.name[21:42]}", fill="black", spacing=0)
            for style, picture in pictures[thing.name].items():
                sheet.paste(picture, (x + 130 + 32 * SETS.index(style), y))
        sheet.save(folder / f"emoji-{start // (2 * rows):02d}.png")


SHOWN = ("octopus", "mushroom", "strawberry", "rocket", "guitar", "crown", "ghost", "umbrella with rain drops")


def write_picture(path: str | Path, names: Sequence[str] = SHOWN) -> None:
    """Some things as all artists drew them, a line a class, at twice their size."""
    images = emoji.load()
    width = SIZE * 2 + 6
    sheet = Image.new("RGB", (width * max(images.counts.tolist()), width * len(names)), "white")
    for line, c in enumerate(images.names.index(name) for name in names):
        start, count = int(images.starts[c]), int(images.counts[c])
        for column, picture in enumerate(images.images[start : start + count]):
            large = to_pil_image(picture).resize((2 * SIZE, 2 * SIZE), Image.Resampling.BICUBIC)
            sheet.paste(large, (width * column + 3, width * line + 3))
    sheet.quantize(256).save(path, optimize=True)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
