"""Files written whole or not at all, and tensors with their description in one checksummed file.

A file is written beside its final name, put on the disk, and then renamed, so that a killed process or a
power cut leaves the previous file behind. Tensors: safetensors, with JSON in the header; nothing is pickled.
"""

import contextlib
import hashlib
import json
import os
from pathlib import Path

import safetensors
import torch
from safetensors.torch import load_file, save

Content = tuple[dict[str, torch.Tensor], dict]  # tensors by name, and anything that JSON can say


def write(path: Path, tensors: dict[str, torch.Tensor], info: dict) -> None:
    """Write tensors and info to one file, whole or not at all."""
    text = json.dumps(info)
    header = {"info": text, "checksum": _checksum(tensors, json.loads(text))}  # JSON turns keys into strings
    # safetensors' own save_file makes files that nobody else may read
    write_bytes(path, save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata=header))


def write_text(path: Path, text: str) -> None:
    """Write text in UTF-8, whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all; what stood there before stays until the new content is on the disk."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
        _sync_folder(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    """Put a renamed file's new name on the disk; Windows opens no folders, and some network drives refuse."""
    if os.name == "posix":
        handle = os.open(folder, os.O_RDONLY)
        try:
            with contextlib.suppress(OSError):
                os.fsync(handle)
        finally:
            os.close(handle)


def read(path: Path) -> Content:
    """Tensors and info of a file; ValueError where it is damaged."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            header = file.metadata() or {}
        tensors, info, checksum = load_file(path), json.loads(header["info"]), header["checksum"]
    except (safetensors.SafetensorError, KeyError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is damaged or not ours ({error!r})") from error
    if checksum != _checksum(tensors, info):
        raise ValueError(f"{path} is damaged: its contents do not match their checksum")
    return tensors, info


def checksum(path: Path) -> str | None:
    """What a file says that its contents add up to; equal contents, equal checksums. None if it is not ours."""
    with safetensors.safe_open(path, "pt") as file:
        return (file.metadata() or {}).get("checksum")


def _checksum(tensors: dict[str, torch.Tensor], info: dict) -> str:
    digest = hashlib.sha256(json.dumps(info, sort_keys=True).encode())
    for name in sorted(tensors):
        digest.update(f"{name}{tuple(tensors[name].shape)}{tensors[name].dtype}".encode())
        digest.update(tensors[name].detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()
