"""Messages over a socket, each with its length in front.

`overdue` is asked now and then while the other side lets one wait; once it says True, TimeoutError follows.
"""

import select
import socket
import struct
import time
from collections.abc import Callable

HEAD = struct.Struct(">Q")
LARGEST = 128_000_000  # bytes of a message
PART = 1 << 18  # bytes that are sent or received at once
GLANCE = 0.25  # seconds between two questions


def _never() -> bool:
    return False


def send(channel: socket.socket, data: bytes, overdue: Callable[[], bool] = _never) -> None:
    """One message."""
    left, clock = memoryview(HEAD.pack(len(data)) + data), _Clock(overdue)
    while left:
        if clock.ready([], [channel]):
            left = left[channel.send(left[:PART], socket.MSG_DONTWAIT) :]


def receive(channel: socket.socket, overdue: Callable[[], bool] = _never) -> bytes:
    """The next message; EOFError where the other side is gone, ValueError if it is too long."""
    clock = _Clock(overdue)
    (length,) = HEAD.unpack(_exactly(channel, HEAD.size, clock))
    if length > LARGEST:
        raise ValueError(f"an answer of {length} bytes, more than {LARGEST}")
    return _exactly(channel, length, clock)


def _exactly(channel: socket.socket, size: int, clock: "_Clock") -> bytes:
    data = bytearray()
    while len(data) < size:
        if clock.ready([channel], []):
            part = channel.recv(min(size - len(data), PART))
            if not part:
                raise EOFError
            data += part
    return bytes(data)


class _Clock:
    """Waits for a socket, and asks `overdue` every GLANCE seconds, also where the other side is just slow."""

    def __init__(self, overdue: Callable[[], bool]):
        self.overdue, self.asked = overdue, time.monotonic()

    def ready(self, to_read: list, to_write: list) -> bool:
        found = any(select.select(to_read, to_write, [], GLANCE))
        if time.monotonic() > self.asked + GLANCE:
            self.asked = time.monotonic()
            if self.overdue():
                raise TimeoutError
        return found
