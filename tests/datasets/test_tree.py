"""Where classes lie: every layout is read or answered with how to read it; nothing is left out in silence."""

import os
import unicodedata

import pytest

from metalearn_course import datasets


def test_pictures_further_down_are_found_where_all_lie_equally_deep(some, told):
    root = some("Greek/alpha/1.png", "Greek/beta/1.png", "Latin/alpha/1.png", "Latin/alpha/2.png")
    images, _ = told(root)
    assert images.names == ("Greek/alpha", "Greek/beta", "Latin/alpha") and images.counts.tolist() == [1, 1, 2]


def test_train_and_test_folders_of_the_same_classes_are_one_dataset(some, told):
    """Two classes of one name would be one in training and one in testing: what was to be tested is known."""
    root = some("train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png")
    images, line = told(root)
    assert images.names == ("cat", "dog") and images.counts.tolist() == [2, 2]
    assert "Parts: test 2, train 2 classes" in line and not images.official_test


@pytest.mark.parametrize("validation", ["val", "Validation", "valid"])
def test_parts_with_classes_of_their_own_are_the_official_split(some, told, validation):
    root = some("train/cat/1.png", "train/dog/1.png", f"{validation}/eel/1.png", "test/fox/1.png")
    parts = told(root)[0].split(official=True)
    assert [part.names for part in parts] == [("cat", "dog"), ("eel",), ("fox",)]


def test_a_single_folder_around_everything_is_looked_through(some, told):
    assert told(some("train/cat/1.png", "train/dog/1.png"))[0].names == ("cat", "dog")
    assert told(some("train/cat/1.png").parent)[0].names == ("cat", "dog")


def test_families_with_the_same_classes_are_pointed_out_and_can_be_put_together(some, told):
    root = some("ink/cat/1.png", "ink/dog/1.png", "oil/cat/1.png", "oil/dog/1.png")
    images, line = told(root)
    assert len(images) == 4 and "equal class names, read as different classes (together=True" in line
    images, line = told(root, together=True)
    assert images.names == ("cat", "dog") and images.counts.tolist() == [2, 2] and "equal class names" not in line


def test_further_folders_in_class_folders_belong_to_the_class_and_are_named(some, told):
    images, line = told(some("cat/1.png", "cat/more/2.png", "dog/1.png"))
    assert images.names == ("cat", "dog") and images.counts.tolist() == [2, 1]
    assert "pictures from folders below the class folders: 1 (cat/more/2.png)" in line


def test_unclear_depths_are_refused_with_what_to_say_and_what_is_said_is_done(some, told):
    root = some("cat/1.png", "pets/dog/1.png", "pets/eel/1.png")
    with pytest.raises(ValueError, match=r"several depths, in cat and in pets/.*depth=1 \(--depth 1\).*depth=2"):
        datasets.load(f"folder:{root}")
    assert told(root, depth=1)[0].names == ("cat", "pets")
    images, line = told(root, depth=2)
    assert images.names == ("pets/dog", "pets/eel")
    assert "Left out: pictures beside or above the class folders: 1 (cat/1.png)" in line


@pytest.mark.parametrize("depth, message", [(0, "at least 1"), (3, r"no pictures lie 3 folders down.*2 \(")])
def test_a_depth_where_nothing_lies_is_refused(some, depth, message):
    with pytest.raises(ValueError, match=message):
        datasets.load(f"folder:{some('a/1.png', 'b/1.png')}", depth=depth)


def test_the_order_does_not_depend_on_how_the_disk_lists_files(some, told, monkeypatch):
    root = some("b/2.png", "b/10.png", "a/1.png", "B/1.png")
    first, _ = told(root)
    monkeypatch.setattr("pathlib.Path.iterdir", lambda self: (self / n for n in sorted(os.listdir(self), reverse=True)))
    again, _ = told(root)
    assert first.names == again.names == ("B", "a", "b") and first.hash == again.hash


# What is left out ----------------------------------------------------------------------------


LEFTOVERS = [
    "._1.png",
    ".DS_Store",
    "Thumbs.db",
    "desktop.ini",
    "__MACOSX/1.png",
    ".ipynb_checkpoints/1.png",
    "@eaDir/x",
]


@pytest.mark.parametrize("leftover", LEFTOVERS)
@pytest.mark.parametrize("where", ["", "a"])
def test_leftovers_of_systems_are_ignored_and_counted(some, told, leftover, where):
    root = some("a/1.png")
    (root / where / leftover).parent.mkdir(exist_ok=True)
    (root / where / leftover).write_bytes(b"what systems leave behind")
    images, line = told(root)
    assert images.names == ("a",) and images.counts.tolist() == [1] and "leftovers of the system: 1" in line


def test_files_of_other_kinds_are_named_by_their_endings(some, told):
    root = some("a/1.png")
    for name in ("a/1.heic", "a/2.HEIC", "a/notes", "labels.csv", "a/drawing.svg", "a/vector.eps"):
        (root / name).write_bytes(b"x")
    line = told(root)[1]
    for what in (".heic files: 2 (a/1.heic, a/2.HEIC)", "files without an ending: 1 (a/notes)", ".csv files: 1"):
        assert what in line
    assert ".svg files: 1" in line and ".eps files: 1" in line  # Ghostscript is never started


def test_folders_without_pictures_are_named_once_each(some, told):
    root = some("a/1.png", "b/1.png")
    for name in ("hollow/deeper/still", "b/empty", "only leftovers"):
        (root / name).mkdir(parents=True)
    (root / "only leftovers" / "Thumbs.db").write_bytes(b"")
    line = told(root)[1]
    assert "folders without pictures: 3 (b/empty, hollow, only leftovers)" in line


def test_pictures_beside_the_class_folders_are_named(some, told):
    assert "class folders: 2 (1.png, 2.png)" in told(some("1.png", "2.png", "a/1.png"))[1]


@pytest.mark.parametrize(
    "names, message",
    [
        ((), "has no class folders; put the pictures of each class into a folder of its own there"),
        (("a/",), r"no pictures that can be read.*folders without pictures: 1 \(a\)"),
        (("a/1.heic", "a/2.heic"), r"no pictures that can be read.*\.heic files: 2 \(a/1.heic, a/2.heic\).*PNG, JPEG"),
        (("a/Thumbs.db",), r"leftovers of the system: 1 \(a/Thumbs.db\)"),
        (("1.png", "2.png"), r"pictures \(1.png, 2.png\), but none in class folders; put the pictures of each class"),
    ],
)
def test_a_folder_without_classes_is_refused_with_what_it_has(tmp_path, names, message):
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_bytes(b"")
    with pytest.raises(ValueError, match=message) as error:
        datasets.load(f"folder:{tmp_path}")
    assert "remove" not in str(error.value)


# Links ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("what", ["a folder", "a picture"])
def test_links_that_lead_out_of_the_folder_are_refused(some, tmp_path, what):
    root = some("a/1.png")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "1.png").write_bytes((root / "a" / "1.png").read_bytes())
    target = tmp_path / "elsewhere" / ("" if what == "a folder" else "1.png")
    link = root / ("b" if what == "a folder" else "a/2.png")
    link.symlink_to(target)
    with pytest.raises(
        ValueError, match=rf"{link.name} is a link that leads out of the folder, to .*elsewhere.*copies"
    ):
        datasets.load(f"folder:{root}")


def test_a_link_to_another_picture_of_the_folder_is_read(some, told):
    root = some("pool/1.png", "a/2.png")
    (root / "a" / "1.png").symlink_to(root / "pool" / "1.png")
    assert told(root)[0].counts.tolist() == [2, 1]


def test_links_to_folders_inside_and_in_circles_are_named_and_not_followed(some, told):
    root = some("a/1.png")
    (root / "a" / "up").symlink_to(root)
    (root / "b").symlink_to(root / "a")
    (root / "a" / "self.png").symlink_to(root / "a" / "self.png")
    (root / "a" / "lost.png").symlink_to(root / "a" / "nothing.png")
    images, line = told(root)
    assert images.names == ("a",) and images.counts.tolist() == [1]
    assert "links to folders that are read in their own place: 2 (b, a/up)" in line
    assert "links that lead nowhere: 2 (a/lost.png, a/self.png)" in line


def test_the_folder_itself_may_be_a_link(some, told, tmp_path):
    (tmp_path / "short").symlink_to(some("a/1.png"))
    assert len(told(tmp_path / "short")[0]) == 1


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_not_waited_for(some, told):
    root = some("a/1.png")
    os.mkfifo(root / "a" / "2.png")
    assert "entries that are neither files nor folders: 1 (a/2.png)" in told(root)[1]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_protected_folder_is_named(some):
    root = some("a/1.png", "b/1.png")
    (root / "b").chmod(0)
    with pytest.raises(PermissionError, match="b may not be read: its permissions forbid it"):
        datasets.load(f"folder:{root}")


# Names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["é", "漢字", "😀", "two words", "a.b", "a@90"])
def test_names_are_read_as_they_are_and_the_same_on_every_system(some, told, name):
    """macOS stores accents apart from their letters."""
    root = some(f"{unicodedata.normalize('NFD', name)}/1.png")
    assert told(root)[0].names == (unicodedata.normalize("NFC", name),)


def test_one_name_in_two_encodings_is_refused(some):
    root = some("\u00e9/1.png", "e\u0301/1.png")
    with pytest.raises(
        ValueError, match="2 folders that are called .*rename one of them, or put their pictures together"
    ):
        datasets.load(f"folder:{root}")


def test_names_that_differ_in_capitals_alone_are_pointed_out(some, told):
    images, line = told(some("Cat/1.png", "cat/1.png", "dog/1.png"))
    assert images.names == ("Cat", "cat", "dog") and "differ in capitals alone: 1 (Cat and cat)" in line
