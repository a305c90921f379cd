"""What reaches a learner from outside: pictures, labels, devices and modes, checked in one place."""

import numpy as np
import pytest
import torch
from PIL import Image
from small_learners import MAKE, made, some_episodes
from torch import nn
from torch.utils._pytree import tree_leaves, tree_map

from metalearn_course import nets
from metalearn_course.episode import LabelledSet
from metalearn_course.learners import LEARNERS, MAML, Learner, ProtoNet

every_learner = pytest.mark.parametrize("name", MAKE)


def on_meta(tree):
    return tree_map(lambda tensor: tensor.to("meta"), tree)


def test_every_learner_of_the_registry_is_tried():
    assert {type(made(name)) for name in MAKE} == set(LEARNERS.values())


# Another device: on "meta" any operation between two devices fails, and a GPU is not needed --------


@every_learner
@pytest.mark.parametrize("batching", ["vmap", "loop"])
def test_a_step_of_training_stays_on_the_learners_device(name, batching):
    learner = made(name).to("meta")
    learner.batching = batching
    noise = learner.noise_for(0, 0, range(3), "meta")
    losses = learner.accumulate_gradient(some_episodes(), noise)  # from the CPU, classes too
    assert losses.device.type == "meta" and learner.device.type == "meta"
    for p in learner.parameters():
        assert p.grad is None or p.grad.device.type == "meta"


@every_learner
def test_adaptation_and_answers_stay_on_the_learners_device(name):
    learner, episodes = made(name), some_episodes()
    learner.calibrate(episodes)
    learner.to("meta")
    learner.running_stats = lambda stats=learner: tuple(
        zip(*(part.split(learner.channels) for part in learner.running))
    )
    for norm in learner.norms:
        noise = learner.noise_for(0, 0, range(3), "meta")
        assert learner.episode_logits(episodes, norm, noise).device.type == "meta"
        support, query = on_meta(episodes.task(0)[:2])
        state = learner.adapt_state(support, n_way=3, norm=norm, **learner.test_options)
        assert all(leaf.device.type == "meta" for leaf in tree_leaves(state))
        assert learner.logits(state, query.x).device.type == "meta"


# Pictures and labels ---------------------------------------------------------------------------


@every_learner
def test_a_support_set_is_taken_in_every_form_that_has_one_meaning(name):
    learner, task = made(name), some_episodes().task(0)
    pixels = (255 * task.support.x).round().to(torch.uint8)
    wanted = learner.adapt(LabelledSet(pixels / 255, task.support.y), norm="support")(pixels / 255)
    labels = task.support.y.numpy().astype(np.int32)
    images = [Image.fromarray(each[0].numpy()) for each in pixels]
    for x, y in ((pixels, labels.tolist()), (pixels.numpy()[:, 0], labels), (images, task.support.y.byte())):
        torch.testing.assert_close(learner.adapt((x, y), norm="support")(x), wanted)


@pytest.mark.parametrize("labels", [[0, 0, 2, 2, 2, 0], [-1, -1, 0, 0, 1, 1], ["a", "a", "b", "b", "c", "c"]])
@pytest.mark.parametrize(
    "learner", [lambda n: MAML(n, 3, head="prototypes"), lambda n: MAML(n, 3), lambda n: ProtoNet(n, 3)]
)
def test_labels_that_are_not_the_numbers_of_classes_are_refused(learner, labels):
    """A class without a picture has no mean: MAML with prototypes answered NaN."""
    x = some_episodes().task(0).support.x
    with pytest.raises(ValueError, match="number the classes"):
        learner(nets.Conv4(image_size=16, hidden=4)).adapt(LabelledSet(x, labels))


@every_learner
def test_episodes_that_do_not_fit_are_refused_by_their_shapes(name):
    learner, episodes = made(name), some_episodes()
    support, query, classes = episodes
    for wrong, answer in (
        (
            episodes._replace(support=support._replace(x=support.x[..., :12])),
            r"\(1, 16, 12\), but the net was made for",
        ),
        (episodes._replace(query=query._replace(x=query.x.expand(-1, -1, 3, -1, -1))), r"\(3, 16, 16\), but the net"),
        (episodes._replace(support=support._replace(y=support.y / 2)), "labels of torch.float32"),
        (episodes._replace(query=query._replace(y=query.y[:, 1:])), "do not match"),
    ):
        with pytest.raises(ValueError, match=answer):
            learner.losses(wrong)
        with pytest.raises(ValueError, match=answer):
            learner.episode_logits(wrong, "query")


def test_number_types_of_episodes_make_no_difference():
    learner, support = made("maml"), some_episodes().support
    wanted = learner.losses(some_episodes())
    doubles = LabelledSet(support.x.double(), support.y.int())
    torch.testing.assert_close(learner.losses(some_episodes()._replace(support=doubles)), wanted)


# Modes ---------------------------------------------------------------------------------------


def test_adapt_takes_the_learners_own_mode_and_the_support_sets_where_that_is_transductive():
    task, net = some_episodes().task(0), nets.Conv4(image_size=16, hidden=4)
    running = ProtoNet(net, 3)
    running.calibrate(some_episodes())
    for learner, norm in (
        (running, "running"),
        (MAML(net, 3), "support"),
        (ProtoNet(net, 3, norm="support"), "support"),
    ):
        predict = learner.adapt(task.support)
        assert predict.norm == learner.inductive_norm == norm and f"norm={norm!r} (inductive)" in repr(predict)
        torch.testing.assert_close(predict(task.query.x), learner.adapt(task.support, norm=norm)(task.query.x))
    assert "transductive" in repr(MAML(net, 3).adapt(task.support, norm="query"))


# The base class --------------------------------------------------------------------------------


class Nearest(Learner):
    """No parameters and no net: compares pixels."""

    test_options = {"power": 1}

    def __init__(self, n_way, more=0, **options):
        super().__init__(n_way)
        self.test_options |= options

    def adapt_state(self, support, *, n_way=None, norm=None, noise=(), power=2):
        return support.x.flatten(1)

    def logits(self, state, x):
        return -torch.cdist(x.flatten(1), state)


def test_a_learners_test_options_are_its_own():
    one, other = Nearest(3, more=1), Nearest(3, power=3)
    assert (one.test_options, other.test_options, Nearest.test_options) == ({"power": 1}, {"power": 3}, {"power": 1})
    with pytest.raises(TypeError):
        Learner.test_options |= {"steps": 3}


def test_a_learner_without_parameters_has_a_device_and_adapts():
    learner, task = Nearest(3), some_episodes(k_shot=1).task(0)
    assert learner.device.type == "cpu" and learner.to("meta").device.type == "meta"
    assert Nearest(3).adapt(task.support)(task.query.x).shape == (12, 3)


def test_what_a_constructor_is_given_is_the_config():
    assert Nearest(3, power=2).config == {"n_way": 3, "more": 0, "power": 2}
    maml = MAML(nets.Conv4(image_size=16, hidden=4), 3, inner_steps=2)
    assert maml.config["test_steps"] == 2 and "net" not in maml.config
    assert isinstance(maml, nn.Module)
