"""Values as bytes, between the grader's process and a student's: JSON and safetensors, nothing pickled.

Tensors, arrays, numbers, strings, None, lists, tuples, dicts and the course's own NamedTuples can travel.
Whatever a student's process sends, unpacking it runs no code of the student's.
"""

import json
import struct
from typing import Any

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from metalearn_course.episode import Episode, LabelledSet

NAMED = {kind.__name__: kind for kind in (LabelledSet, Episode)}
HEAD = struct.Struct(">Q")


def pack(value: Any) -> bytes:
    """The value as bytes; TypeError where a part of it may not travel."""
    tensors: dict[str, Tensor] = {}
    text = json.dumps(_plain(value, tensors)).encode()
    return HEAD.pack(len(text)) + text + safetensors.torch.save(tensors)


def unpack(data: bytes) -> Any:
    """The value in the bytes; ValueError where they hold none."""
    try:
        (length,) = HEAD.unpack_from(data)
        text, rest = data[HEAD.size : HEAD.size + length], data[HEAD.size + length :]
        return _value(json.loads(text), safetensors.torch.load(rest))
    except (struct.error, SafetensorError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"damaged data ({type(error).__name__})") from error


def _plain(value: Any, tensors: dict[str, Tensor]) -> Any:
    """What JSON can say of the value; its tensors go into `tensors`."""
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.ndarray):
        value = torch.from_numpy(np.ascontiguousarray(value))
    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().contiguous().clone()
        return {"tensor": name}
    if type(value).__name__ in NAMED:
        return {"named": type(value).__name__, "items": [_plain(item, tensors) for item in value]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_plain(item, tensors) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[_plain(part, tensors) for part in item] for item in value.items()]}
    raise TypeError(
        f"a {type(value).__name__} cannot be handed over; return tensors, numbers, strings, lists, tuples or dicts"
    )


def _value(plain: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(plain, dict):
        return plain
    if "tensor" in plain:
        return tensors[plain["tensor"]]
    if "named" in plain:
        return NAMED[plain["named"]](*(_value(item, tensors) for item in plain["items"]))
    if "dict" in plain:
        return {_value(key, tensors): _value(item, tensors) for key, item in plain["dict"]}
    items = [_value(item, tensors) for item in plain.get("list", plain.get("tuple"))]
    return items if "list" in plain else tuple(items)
