"""What the tests of readers' own pictures share."""

from pathlib import Path

import pytest
from PIL import Image

from metalearn_course.datasets import folder


@pytest.fixture
def put(tmp_path):
    """Saves a picture as tmp_path/pictures/NAME and returns the dataset's folder."""

    def save(name, image, **options):
        file = tmp_path / "pictures" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file, **options)
        return tmp_path / "pictures"

    return save


@pytest.fixture
def some(put):
    """Saves small grey pictures, unlike each other, under the given names and returns the dataset's folder."""

    def save(*names) -> Path:
        for number, name in enumerate(names):
            root = put(name, Image.linear_gradient("L").resize((30, 30)).rotate(10 * number))
        return root

    return save


@pytest.fixture
def told():
    """Loads a folder and returns the classes with the one line that is said about them."""

    def load(root, **options):
        lines = []
        images = folder.load(root, report=lines.append, **options)
        assert len(lines) == 1 and "\n" not in lines[0]
        return images, lines[0]

    return load
