"""ProtoNet-zero: its two embeddings, its loss, and that it answers for classes it was only told about."""

import itertools

import pytest
import torch
import torch.nn.functional as F

from metalearn_course.applications.zero_shot import Described, ProtoNetZero, fit, task_loss
from metalearn_course.datasets import from_tensors


@pytest.fixture
def net():
    torch.manual_seed(0)
    return ProtoNetZero(6, dim=16, channels=(8, 8), image_size=8)


@pytest.fixture(scope="module")
def composed():
    """Classes that put two of eight patterns side by side: (seen, unseen), each pattern known from seen ones."""
    g = torch.Generator().manual_seed(0)
    patterns = torch.rand(8, 1, 8, 4, generator=g).round()
    pairs = list(itertools.permutations(range(8), 2))
    drawn = torch.stack([torch.cat([patterns[a], patterns[b]], -1) for a, b in pairs])
    noise = 0.3 * torch.rand(len(pairs), 6, 1, 8, 8, generator=g)
    pictures = (255 * (0.7 * drawn.unsqueeze(1) + noise)).byte().flatten(0, 1)
    images = from_tensors("composed", pictures, [6] * len(pairs), [f"{a}{b}" for a, b in pairs])
    words = torch.tensor([[a == i for i in range(8)] + [b == i for i in range(8)] for a, b in pairs]).float()
    unseen = list(range(0, len(pairs), 5))
    seen = [c for c in range(len(pairs)) if c not in unseen]
    return [Described(images.select(part), words[part]) for part in (seen, unseen)]


def unseen_accuracy(net, part) -> float:
    x = part.images.pictures(torch.arange(len(part.images))[None], torch.arange(6).expand(1, len(part.images), 6))[0]
    with torch.no_grad():
        answers = net(x.flatten(0, 1), part.descriptions).argmax(1).view(x.shape[:2])
    return (answers == torch.arange(len(part.images))[:, None]).float().mean().item()


def small(seed: int = 0) -> ProtoNetZero:
    torch.manual_seed(seed)
    return ProtoNetZero(16, dim=32, channels=(8, 16), image_size=8)


def test_scores_are_scaled_cosines(net):
    x, d = torch.rand(5, 1, 8, 8), torch.rand(3, 6)
    net.eval()
    cosine = F.cosine_similarity(net.f(x).unsqueeze(1), net.g(d).unsqueeze(0), dim=-1)
    torch.testing.assert_close(net(x, d), 10 * cosine)
    torch.testing.assert_close(net.prototypes(d).norm(dim=1), torch.ones(3))
    torch.testing.assert_close(net.embed(x).norm(dim=1), torch.ones(5))


def test_the_loss_names_the_first_classes_and_the_others_only_compete(net):
    x, d = torch.rand(4, 1, 8, 8), torch.rand(9, 6)
    net.eval()
    log_p = net(x, d).log_softmax(1)
    torch.testing.assert_close(task_loss(net, x, d), -log_p.diagonal().mean())


def test_a_picture_does_not_depend_on_the_others_asked_about(net):
    x = torch.rand(4, 1, 8, 8)
    net.train()
    net.embed(torch.rand(32, 1, 8, 8))  # leaves running statistics
    net.eval()
    torch.testing.assert_close(net.embed(x)[:1], net.embed(x[:1]))


def test_it_knows_classes_that_it_was_only_told_about(composed):
    train, unseen = composed
    net = small()
    before = unseen_accuracy(net.eval(), unseen)
    losses = fit(net, train, 60, batch=32, n_way=44, lr=1e-2, dropout=0.1)
    assert len(losses) == 60 and losses[-1] < losses[0]
    assert not net.training and unseen_accuracy(net, unseen) > max(0.8, before)


def test_descriptions_of_other_classes_teach_nothing_about_unseen_ones(composed):
    train, unseen = composed
    order = torch.randperm(len(train.images), generator=torch.Generator().manual_seed(1))
    net = small()
    fit(net, Described(train.images, train.descriptions[order]), 60, batch=32, n_way=44, lr=1e-2)
    assert unseen_accuracy(net, unseen) < 0.35


def test_training_is_a_function_of_the_seed_and_sees_only_the_given_pictures(composed):
    train, _ = composed
    changed = train.images.images.clone()
    changed[5::6] = 0  # the last picture of every class
    other = Described(train.images.__class__(**{**vars(train.images), "images": changed}), train.descriptions)
    runs = [fit(small(), part, 4, batch=16, n_way=20, numbers=range(5), seed=3) for part in (train, train, other)]
    assert runs[0] == runs[1] == runs[2]
    assert fit(small(), train, 4, batch=16, n_way=20, seed=4) != runs[0]


def test_shapes_of_other_pictures():
    net = ProtoNetZero(5, dim=12, channels=(4, 4, 4, 8), in_channels=3, image_size=32)
    assert net.embed(torch.rand(2, 3, 32, 32)).shape == (2, 12)
