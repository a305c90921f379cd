"""Messages over a socket, each with its length in front."""

import select
import socket
import struct
import time

HEAD = struct.Struct(">Q")
LARGEST = 128_000_000  # bytes of a message


def send(channel: socket.socket, data: bytes) -> None:
    """One message."""
    channel.sendall(HEAD.pack(len(data)) + data)


def receive(channel: socket.socket, seconds: float | None = None) -> bytes:
    """The next message; TimeoutError, EOFError where the other side is gone, ValueError if it is too long."""
    until = None if seconds is None else time.monotonic() + seconds
    (length,) = HEAD.unpack(_exactly(channel, HEAD.size, until))
    if length > LARGEST:
        raise ValueError(f"an answer of {length} bytes, more than {LARGEST}")
    return _exactly(channel, length, until)


def _exactly(channel: socket.socket, size: int, until: float | None) -> bytes:
    data = bytearray()
    while len(data) < size:
        left = None if until is None else until - time.monotonic()
        if left is not None and (left <= 0 or not select.select([channel], [], [], left)[0]):
            raise TimeoutError
        part = channel.recv(min(size - len(data), 1 << 20))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
