"""Features instead of pictures: the same tasks, the same answers, without the net in between."""

import pytest
import torch
from helpers import easy_classes

from metalearn_course import nets, training
from metalearn_course.evaluation import evaluate
from metalearn_course.learners import InContext, MatchingNet, ProtoNet
from metalearn_course.lessons.features import Given, Straightened, embed
from metalearn_course.sampling import EpisodeSampler


@pytest.fixture
def learner() -> ProtoNet:
    torch.manual_seed(0)
    learner = ProtoNet(nets.Conv4(image_size=16, hidden=4), n_way=3)
    learner.calibrate(EpisodeSampler(easy_classes(), 3, 1, 2).sample_tasks(0, 0, range(4)))
    return learner


def test_features_are_what_the_net_makes_of_the_pictures(learner):
    images = easy_classes()
    wanted = learner.net(
        images.pictures(torch.tensor([[4]]), torch.tensor([[[2]]])).flatten(0, 2), learner.running_stats()
    )
    found = embed(learner, images)
    torch.testing.assert_close(found.by_class()[4, 2], wanted[0].detach())
    assert found.by_class().shape == (30, 10, learner.net.out_features)
    assert found.hash == images.hash and found.names == images.names


def test_a_learner_on_features_answers_as_the_learner_on_pictures(learner):
    images = easy_classes()
    given = ProtoNet(Given(learner.net.out_features), n_way=3)
    given.calibrate(EpisodeSampler(embed(learner, images), 3, 1, 2).sample_tasks(0, 0, range(2)))
    on_pictures = evaluate(learner, EpisodeSampler(images, 3, 2, 4), 20)
    on_features = evaluate(given, EpisodeSampler(embed(learner, images), 3, 2, 4), 20)
    assert torch.equal(on_pictures.per_episode, on_features.per_episode)


def test_what_is_learned_on_features_is_learned(learner):
    train, _, test = embed(learner, easy_classes()).split(sizes=(15, 5, 10))
    straightened = MatchingNet(Straightened(learner.net.out_features), n_way=3)
    history = training.fit(straightened, EpisodeSampler(train, 3, 1, 4), 40, n_tasks=4, lr=0.02, progress=False)
    assert sum(history.losses[-10:]) < sum(history.losses[:10])
    evaluate(straightened, EpisodeSampler(test, 3, 1, 4), 5)
    training.fit(InContext(Given(4), 3), EpisodeSampler(train, 3, 1, 4), 2, n_tasks=2, progress=False)


def test_rotated_classes_are_refused(learner):
    with pytest.raises(ValueError, match="upright"):
        embed(learner, easy_classes().with_rotations())
