"""A classifier of a reader's own classes: names, classes added and removed, none of these, files."""

import pytest
import torch
from helpers import easy_classes, samplers
from PIL import Image
from small_learners import made
from torch import nn

from metalearn_course import nets
from metalearn_course.applications import own_files, own_storage, rejection
from metalearn_course.applications.own_pictures import OwnClassifier, usual_learner
from metalearn_course.learners import ProtoNet


@pytest.fixture(scope="module")
def learner():
    """A ProtoNet whose features are the pixels: good enough for classes that are easy to tell apart."""
    return ProtoNet(nets.wrap(nn.Flatten(), image_size=16, in_channels=1), n_way=3).eval()


@pytest.fixture(scope="module")
def convolutional():
    """One with weights and normalisation, untrained."""
    learner = made("protonet")
    learner.calibrate(samplers()[0].sample_tasks(0, 0, range(4)))
    return learner.eval()


@pytest.fixture(scope="module")
def pictures():
    """Six classes of ten pictures each, (10, 1, 16, 16) uint8."""
    return own_files.by_name(easy_classes(6, 10))


@pytest.fixture
def classifier(learner, pictures):
    return OwnClassifier(learner, {name: x[:2] for name, x in list(pictures.items())[:3]})


def test_answers_have_names_and_probabilities_that_add_up(classifier, pictures):
    for name in classifier.names:
        for answer in classifier.predict(pictures[name][2:]):
            assert answer.name == next(iter(answer.probabilities)) == name
            assert answer.probability == max(answer.probabilities.values())
            assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_unequal_numbers_of_pictures_will_do(learner, pictures):
    names = list(pictures)
    classifier = OwnClassifier(learner, {names[0]: pictures[names[0]][:1], names[1]: pictures[names[1]][:5]})
    assert classifier.predict(pictures[names[0]][5:6])[0].name == names[0]


def test_adding_a_class_changes_no_other_prototype(classifier, pictures):
    before = classifier.state.prototypes
    classifier.add("class04", pictures["class04"][:3])
    assert classifier.names[-1] == "class04"
    torch.testing.assert_close(classifier.state.prototypes[:-1], before, rtol=1e-5, atol=1e-5)
    assert classifier.predict(pictures["class04"][5:6])[0].name == "class04"


def test_further_pictures_of_a_class_move_its_prototype_alone(classifier, pictures):
    before = classifier.state.prototypes
    classifier.add("class01", pictures["class01"][2:6])
    moved = (classifier.state.prototypes - before).norm(dim=1) > 1e-4
    assert moved.tolist() == [False, True, False] and len(classifier.pictures["class01"]) == 6


def test_removing_a_class_brings_the_classifier_back(classifier, pictures):
    x, before = pictures["class02"][3:], classifier.state.prototypes
    classifier.add("class05", pictures["class05"][:1])
    classifier.remove("class05")
    torch.testing.assert_close(classifier.state.prototypes, before, rtol=1e-5, atol=1e-5)
    assert {answer.name for answer in classifier.predict(x)} == {"class02"}


def test_what_cannot_be_removed_is_named_and_nothing_changes(classifier):
    with pytest.raises(ValueError, match="no class 'dog'; there are class00"):
        classifier.remove("dog")
    classifier.remove("class00")
    with pytest.raises(ValueError, match="at least two"):
        classifier.remove("class01")
    assert classifier.names == ("class01", "class02")


def test_a_failed_addition_leaves_the_classifier_as_it_was(classifier):
    with pytest.raises(ValueError, match="resize"):
        classifier.add("odd", torch.zeros(1, 1, 20, 20))
    assert classifier.names == ("class00", "class01", "class02")


def test_a_learner_for_a_fixed_number_of_classes_says_so(pictures):
    with pytest.raises(ValueError, match="2 classes, but this MAML"):
        OwnClassifier(made("maml"), dict(list(pictures.items())[:2]))


@pytest.mark.parametrize("channels", [1, 3])
def test_the_usual_learners_are_there(channels):
    learner = usual_learner(channels)
    assert isinstance(learner, ProtoNet) and learner.net.in_channels == channels


# None of these -------------------------------------------------------------------------------


def test_the_threshold_is_the_conformal_rank():
    scores = torch.arange(19.0)
    assert rejection.threshold(scores, 0.05) == 0  # the smallest of 19: a twentieth lies below with 1 in 20
    assert rejection.threshold(scores, 0.5) == 9
    with pytest.raises(ValueError, match="at least 19"):
        rejection.threshold(scores[:-1], 0.05)
    with pytest.raises(ValueError, match="between 0 and 1"):
        rejection.threshold(scores, 0.0)


def test_the_threshold_keeps_its_promise_for_any_distribution():
    g = torch.Generator().manual_seed(0)
    for draw in (torch.rand, torch.randn, lambda *n, generator: torch.rand(*n, generator=generator).log()):
        rejected = []
        for _ in range(400):
            scores = draw(150, generator=g)
            rejected.append((scores[100:] < rejection.threshold(scores[:100], 0.1)).float().mean())
        rate, promised = torch.stack(rejected), 10 / 101
        assert abs(rate.mean() - promised) < 3 * rate.std() / 20


@pytest.mark.parametrize("rate", [0.05, 0.2])
def test_known_pictures_of_further_tasks_are_rejected_at_the_promised_rate(learner, rate):
    held_out = easy_classes(60, 6, seed=5)
    first, second = held_out.select(range(30)), held_out.select(range(30, 60))
    scores = rejection.held_out_scores(learner, first, 5, 1, n_episodes=150)
    limit = rejection.threshold(scores.known.flatten(), rate)
    further = rejection.held_out_scores(learner, second, 5, 1, n_episodes=150, seed=1)
    rejected = (further.known < limit).float().mean(1)  # (E,)
    own = (scores.known < limit).float().mean(1).std() / 150**0.5  # the threshold is an estimate too
    assert abs(rejected.mean() - rate) < 3 * (rejected.var() / 150 + own**2).sqrt() + 0.02  # other classes, few
    assert (further.alien < limit).float().mean() > rejected.mean() + 0.2


def test_a_promise_makes_aliens_none_of_these(classifier, pictures):
    assert {answer.name for answer in classifier.predict(pictures["class05"])} <= set(classifier.names)
    rejection.promise(classifier, easy_classes(40, 6, seed=7), rate=0.1, n_episodes=60)
    aliens = [answer.name for answer in classifier.predict(pictures["class05"])]
    known = [answer.name for answer in classifier.predict(pictures["class01"][2:])]
    assert aliens.count(None) > known.count(None) and "rejects 10 %" in repr(classifier)


# Files ---------------------------------------------------------------------------------------


@pytest.fixture
def own(convolutional, pictures):
    return OwnClassifier(convolutional, {name: x[:2] for name, x in list(pictures.items())[:3]})


def test_a_class_more_moves_others_only_where_the_support_set_normalises(convolutional, pictures):
    for norm, moves in (("running", False), ("support", True)):
        own = OwnClassifier(convolutional, {name: x[:2] for name, x in list(pictures.items())[:3]}, norm)
        before = own.state.prototypes
        own.add("class04", pictures["class04"][:3])
        assert bool((own.state.prototypes[:-1] - before).abs().max() > 1e-4) == moves


def test_a_saved_classifier_answers_alike_and_learns_on(own, pictures, tmp_path):
    classifier = own
    classifier.threshold, classifier.promised = 0.5, 0.05
    own_storage.save(tmp_path / "mine.safetensors", classifier)
    again, x = own_storage.load(tmp_path / "mine.safetensors"), torch.cat(list(pictures.values()))
    assert again.names == classifier.names and (again.threshold, again.promised) == (0.5, 0.05)
    assert torch.equal(again.scores(x)[0], classifier.scores(x)[0])
    again.add("class04", pictures["class04"][:1])
    assert len(again.names) == 4


def test_a_classifier_with_a_net_of_ones_own_is_loaded_into_such_a_learner(classifier, learner, pictures, tmp_path):
    own_storage.save(tmp_path / "mine.safetensors", classifier)
    with pytest.raises(ValueError, match="into=learner"):
        own_storage.load(tmp_path / "mine.safetensors")
    again = own_storage.load(tmp_path / "mine.safetensors", into=learner)
    assert torch.equal(again.state.prototypes, classifier.state.prototypes)


def test_a_file_of_another_kind_is_refused(tmp_path):
    (tmp_path / "a.safetensors").write_bytes(b"nonsense")
    with pytest.raises(ValueError, match="damaged or not ours"):
        own_storage.load(tmp_path / "a.safetensors")


@pytest.mark.filterwarnings("ignore")
def test_the_exported_classifier_answers_alike_for_any_number_of_pictures(own, pictures, tmp_path):
    classifier = own
    torch.export.save(own_storage.exported(classifier), tmp_path / "mine.pt2")
    run = torch.export.load(tmp_path / "mine.pt2").module()
    for n in (1, 3, 10):
        x = pictures["class01"][:n].float() / 255
        torch.testing.assert_close(run(x), classifier.scores(x)[0], rtol=1e-4, atol=1e-5)


# Reading -------------------------------------------------------------------------------------


@pytest.fixture
def symbols(tmp_path):
    """Two classes in dark ink on white paper: a bar and a square."""
    for name, box in (("bar", (12, 2, 16, 26)), ("square", (4, 4, 24, 24))):
        (tmp_path / "support" / name).mkdir(parents=True)
        for number in range(2):
            picture = Image.new("L", (28, 28), "white")
            picture.paste(0, box)
            picture.save(tmp_path / "support" / name / f"{number}.png")
    return tmp_path


def test_support_and_queries_meet_in_one_polarity(symbols):
    support = own_files.read_support(symbols / "support", 28, 1)
    assert support.inverted and support.ink and support.pictures["bar"][0, 0, 14, 14] == 255
    paper, board = symbols / "support" / "bar" / "0.png", symbols / "board.png"
    Image.fromarray(255 - torch.tensor(list(Image.open(paper).tobytes())).view(28, 28).byte().numpy()).save(board)
    found = own_files.read_queries([paper, board], 28, 1, support)
    assert torch.equal(found.pixels[0], found.pixels[1]) and found.pixels[0, 0, 14, 14] == 255


def test_files_that_cannot_be_read_are_told_and_lose_no_other(symbols):
    (symbols / "empty.png").write_bytes(b"")
    (symbols / "text.png").write_text("hello", encoding="utf-8")
    Image.new("1", (9000, 9000)).save(symbols / "huge.png")
    files = [symbols / "empty.png", symbols / "text.png", symbols / "huge.png", symbols, symbols / "none.png"]
    found = own_files.read_queries([*files, symbols / "support" / "bar" / "0.png"], 28, 1)
    assert len(found.files) == len(found.pixels) == 1 and list(found.refused) == list(map(str, files))
    assert all("\n" not in reason and reason for reason in found.refused.values())
