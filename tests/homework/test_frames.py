import socket
import threading
import time

import pytest

from metalearn_course.homework.sandbox import frames


@pytest.fixture
def ends():
    pair = socket.socketpair()
    yield pair
    for end in pair:
        end.close()


def test_messages_of_any_length_arrive(ends):
    for data in (b"", b"x", b"y" * 3_000_000):
        sender = threading.Thread(target=frames.send, args=(ends[0], data))
        sender.start()
        assert frames.receive(ends[1]) == data
        sender.join()


def test_whoever_does_not_read_stops_the_sender_only_for_a_while(ends):
    with pytest.raises(TimeoutError):
        frames.send(ends[0], bytes(10_000_000), overdue=lambda: True)


def test_whoever_drips_is_overdue_too(ends):
    def drip():
        for _ in range(20):
            ends[0].send(b"\0")
            time.sleep(0.1)

    dripping = threading.Thread(target=drip)
    dripping.start()
    with pytest.raises(TimeoutError):
        frames.receive(ends[1], overdue=lambda: True)
    dripping.join()


def test_a_length_without_end_and_an_end_without_message_are_refused(ends):
    ends[0].sendall(b"\xff" * 8)
    with pytest.raises(ValueError, match="more than"):
        frames.receive(ends[1])
    ends[0].close()
    with pytest.raises(EOFError):
        frames.receive(ends[1])
