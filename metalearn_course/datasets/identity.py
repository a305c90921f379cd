"""What a picture is known by: a number from its contents alone.

A dataset may be renamed, its pictures sorted anew, inverted, or joined by others; whoever trained on a class
still knows its pictures again.
"""

import hashlib

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

SKETCH = 8  # ids of a class that a learner keeps
_known = WeakTensorKeyDictionary()  # computed once for a tensor of pictures, which all parts of a dataset share


def picture_ids(images: Tensor) -> Tensor:
    """(M,) int64 of pictures (M, C, H, W) uint8: the same for a picture and its negative, 0 for a constant one.

    Grey is grey, whether it comes in one channel or in three equal ones. The ids are hashes of 63 bits: two
    different pictures share one as good as never. About 5 microseconds a picture, the first time.
    """
    if images not in _known:
        _known[images] = torch.tensor([_id(picture) for picture in images.cpu().numpy()], dtype=torch.long)
    return _known[images]


def text_id(*what) -> int:
    """An id for a picture that is known by how it was made rather than by its pixels."""
    return _hash(repr(what).encode())


def _id(picture) -> int:
    if (picture == picture.flat[0]).all():
        return 0
    if len(picture) == 3 and (picture == picture[:1]).all():
        picture = picture[:1]
    return min(_hash(picture.tobytes()), _hash((255 - picture).tobytes()))


def _hash(data: bytes) -> int:
    """1 .. 2**63 - 1."""
    return max(1, int.from_bytes(hashlib.blake2b(data, digest_size=8).digest()) >> 1)
