"""Accuracy is a mean over frozen episodes of classes that the learner has never seen."""

import copy
import math
import statistics

import pytest
import torch
import torch.nn.functional as F
from helpers import Noisy, easy_classes, samplers, small_run, tiny_maml
from torch import nn

from metalearn_course import training
from metalearn_course.evaluation.accuracy import Score, evaluate, predicted
from metalearn_course.evaluation.comparison import paired
from metalearn_course.functional import prototypes
from metalearn_course.learners import Learner
from metalearn_course.sampling import EpisodeSampler

SAMPLER = samplers(n_query=4)[2]


def accuracy_by_hand(learner, norm, episode, **options):
    """Of one task, through the interface for readers."""
    predict = learner.adapt(episode.support, norm=norm, **options)
    right = predict(episode.query.x).argmax(-1) == episode.query.y
    return right.sum().item() / len(right)


@pytest.mark.parametrize("norm", ["query", "support"])
def test_the_score_is_that_of_every_episode_on_its_own(norm):
    learner = tiny_maml()
    score = evaluate(learner, SAMPLER, 12, norm, seed=3)
    episodes = SAMPLER.sample_tasks(3, 0, range(12))
    wanted = [accuracy_by_hand(learner, norm, episodes.task(i)) for i in range(12)]
    assert score.per_episode.tolist() == pytest.approx(wanted)
    assert score.accuracy == pytest.approx(statistics.mean(wanted))
    assert score.ci95 == pytest.approx(2.201 * statistics.stdev(wanted) / math.sqrt(12), rel=1e-3)
    assert score.norm == norm


def test_the_interval_is_over_episodes_and_not_over_queries():
    score = Score(torch.tensor([1.0, 0.5, 0.0, 0.5]), "query", "")
    assert score.accuracy == 0.5
    assert score.ci95 == pytest.approx(3.1824 * math.sqrt((0.25 + 0.25) / 3) / 2, rel=1e-4)
    assert repr(score) == "50.00 % ± 64.96 (4 episodes, transductive)"


def test_the_mode_is_the_learners_own_unless_another_is_asked_for():
    assert evaluate(tiny_maml(norm="support"), SAMPLER, 2).norm == "support"
    assert "inductive" in repr(evaluate(tiny_maml(), SAMPLER, 2, "support"))
    with pytest.raises(ValueError, match="'running'"):
        evaluate(tiny_maml(), SAMPLER, 2, "running")


def test_the_same_seed_gives_the_same_episodes_to_every_learner():
    first, again, other = (evaluate(tiny_maml(seed=i), SAMPLER, 8, seed=i // 2) for i in range(3))
    assert first.episodes_hash == again.episodes_hash != other.episodes_hash
    assert not torch.equal(first.per_episode, again.per_episode)


@pytest.mark.parametrize("make", [tiny_maml, Noisy])
def test_the_size_of_a_batch_changes_nothing(make):
    scores = [evaluate(make(), SAMPLER, 7, batch=batch) for batch in (1, 3, 20)]
    assert len({score.episodes_hash for score in scores}) == 1
    for score in scores:
        assert torch.equal(score.per_episode, scores[0].per_episode)


def test_more_episodes_begin_with_the_same_ones():
    few, many = (evaluate(tiny_maml(), SAMPLER, n) for n in (4, 9))
    assert torch.equal(few.per_episode, many.per_episode[:4])
    assert few.episodes_hash != many.episodes_hash


def test_the_hash_tells_other_classes_and_other_pictures_apart():
    """Two splits draw the same indices; they stand for other classes."""
    parts = [easy_classes().split(seed=seed, sizes=(15, 5, 10))[2] for seed in (0, 1)]
    parts.append(easy_classes(seed=1).split(sizes=(15, 5, 10))[2])
    hashes = {evaluate(tiny_maml(), EpisodeSampler(part, 3, 1, 4), 3).episodes_hash for part in parts}
    assert len(hashes) == 3


def test_the_hash_tells_support_from_queries():
    """One support picture and five queries per class are other episodes than five and one, of the same pictures."""
    one, five = (EpisodeSampler(SAMPLER.images, 3, k, 6 - k) for k in (1, 5))
    assert all(map(torch.equal, one.draw_tasks(0, 0, range(3)), five.draw_tasks(0, 0, range(3))))
    scores = [evaluate(tiny_maml(), sampler, 3) for sampler in (one, five)]
    assert scores[0].episodes_hash != scores[1].episodes_hash
    with pytest.raises(ValueError, match="different episodes"):
        paired(*scores)


class UsualNet(Learner):
    """Class means of a net as tutorials have it: its batch normalisation moves in training, and it drops units."""

    def __init__(self):
        super().__init__(3)
        self.batching = "loop"
        body = [nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.9)]
        self.net = nn.Sequential(*body)

    def adapt_state(self, support, *, n_way=None, norm=None, noise=()):
        return prototypes(self.net(support.x), support.y, n_way)

    def logits(self, state, x):
        return -torch.cdist(self.net(x), state)


def test_evaluation_switches_dropout_and_moving_statistics_off_and_then_everything_back():
    learner = UsualNet()
    learner.net[1].eval()  # as somebody does who keeps its statistics
    before = copy.deepcopy(learner)
    first, again = (evaluate(learner, SAMPLER, 5) for _ in range(2))
    assert torch.equal(first.per_episode, again.per_episode)
    assert torch.equal(learner.net[1].running_mean, before.net[1].running_mean)
    modes = [[part.training for part in each.modules()] for each in (learner, before)]
    assert modes[0] == modes[1] and True in modes[0] and False in modes[0]


def test_the_modes_come_back_where_an_evaluation_fails_or_is_left_early():
    learner = UsualNet()
    with pytest.raises(TypeError):
        evaluate(learner, SAMPLER, 5, no_such_option=1)
    next(iter(predicted(learner, SAMPLER, 5, "query", batch=1)))
    assert all(part.training for part in learner.modules())


class NearestPicture(Learner):
    """Pixels alone; nothing is learned."""

    def adapt_state(self, support, *, n_way=None, norm=None, noise=()):
        return support.x.flatten(1), support.y

    def logits(self, state, x):
        return -torch.cdist(x.flatten(1), state[0]) @ F.one_hot(state[1], self.n_way).float()


def test_a_learner_without_parameters_can_be_evaluated():
    assert evaluate(NearestPicture(3), SAMPLER, 5).accuracy > 0.8


def test_evaluation_leaves_the_learner_and_the_random_state_alone():
    learner = tiny_maml()
    before = {name: tensor.clone() for name, tensor in learner.state_dict().items()}
    state = torch.get_rng_state()
    evaluate(learner, SAMPLER, 3)
    assert torch.equal(state, torch.get_rng_state())
    assert all(torch.equal(before[name], tensor) for name, tensor in learner.state_dict().items())
    assert all(p.grad is None for p in learner.parameters())


def test_options_reach_the_learner():
    learner = tiny_maml()
    episodes = SAMPLER.sample_tasks(0, 0, range(6))
    wanted = [accuracy_by_hand(learner, "support", episodes.task(i), steps=7) for i in range(6)]
    assert evaluate(learner, SAMPLER, 6, "support", steps=7).per_episode.tolist() == pytest.approx(wanted)


def test_the_scores_tell_a_trained_learner_from_a_new_one():
    learner = tiny_maml(head="prototypes")
    train, _, test = samplers(k_shot=2)
    before = evaluate(learner, test, 30)
    training.fit(learner, train, 40, n_tasks=2, lr=1e-2, progress=False)
    after = evaluate(learner, test, 30)
    assert before.episodes_hash == after.episodes_hash
    assert after.accuracy > before.accuracy > 0


def test_classes_seen_in_training_are_refused():
    train, validation, test = samplers()
    learner, _ = small_run(None, 1)
    with pytest.raises(ValueError, match=r"15 of the 15 classes .* seen in training.*: 'class\d+'.* and 10 more"):
        evaluate(learner, train, 2)
    whole = EpisodeSampler(easy_classes(), 3, 1, 2)
    with pytest.raises(ValueError, match="15 of the 30 classes"):
        evaluate(learner, whole, 2)
    turned = EpisodeSampler(train.images.with_rotations(), 3, 1, 2)
    with pytest.raises(ValueError, match="seen in training"):
        evaluate(learner, turned, 2)


def test_new_classes_and_those_of_another_dataset_are_accepted():
    _, validation, test = samplers()
    learner, _ = small_run(None, 1)
    for sampler in (validation, test, EpisodeSampler(easy_classes(seed=1), 3, 1, 2)):
        assert 0 <= evaluate(learner, sampler, 2).accuracy <= 1


@pytest.mark.parametrize("n_episodes", [1, 0, -5])
def test_an_interval_needs_two_episodes(n_episodes):
    with pytest.raises(ValueError, match=f"n_episodes={n_episodes}"):
        evaluate(tiny_maml(), SAMPLER, n_episodes)


def test_tasks_that_the_learner_was_not_made_for_are_refused():
    with pytest.raises(ValueError, match="4 classes"):
        evaluate(tiny_maml(), samplers(n_way=4)[2], 2)
