import numpy as np
import pytest
import torch

from metalearn_course.episode import LabelledSet
from metalearn_course.homework.exchange import pack, unpack


def test_what_may_travel_arrives_as_it_was():
    value = [1, 2.5, "a", None, True, (1, [2]), {"a": {3: "b"}, "tensor": 1}]
    assert unpack(pack(value)) == value


def test_tensors_arrive_with_type_and_values_and_without_a_graph():
    x = torch.randn(2, 3, dtype=torch.float64, requires_grad=True)
    back = unpack(pack({"x": x.T, "n": np.arange(3), "b": x > 0}))
    assert torch.equal(back["x"], x.T.detach()) and not back["x"].requires_grad
    assert torch.equal(back["n"], torch.arange(3)) and back["b"].dtype == torch.bool


def test_a_labelled_set_arrives_as_one():
    back = unpack(pack(LabelledSet(torch.ones(2), torch.arange(2))))
    assert isinstance(back, LabelledSet) and back.y.tolist() == [0, 1]


def test_numbers_that_are_none_arrive():
    assert unpack(pack(float("inf"))) == float("inf")


def test_the_same_tensor_twice_and_views_of_it_travel():
    x = torch.arange(4)
    assert [t.tolist() for t in unpack(pack([x, x, x[1:]]))] == [[0, 1, 2, 3], [0, 1, 2, 3], [1, 2, 3]]


def test_what_may_not_travel_is_named():
    with pytest.raises(TypeError, match="module cannot be handed over"):
        pack([torch])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"x" * 100,
        (2**63).to_bytes(8, "big") + b"{}",
        pack(1)[:-3],
        pack(1).replace(b"1", b"[" * 1),
        (200_000).to_bytes(8, "big") + b"[" * 200_000,
        (13).to_bytes(8, "big") + b'{"tensor": 0}' + pack(1)[9:],
        (9).to_bytes(8, "big") + b'{"a": {}}' + pack(1)[9:],
    ],
)
def test_damaged_bytes_are_refused(data):
    with pytest.raises(ValueError):
        unpack(data)
