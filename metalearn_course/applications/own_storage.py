"""An adapted classifier as a file: to go on with (safetensors), and to run elsewhere (torch.export, ONNX)."""

from pathlib import Path

import torch
from torch import Tensor, nn

from metalearn_course.applications.own_pictures import OwnClassifier
from metalearn_course.common import storage
from metalearn_course.learners.base import Learner
from metalearn_course.learners.registry import build, describe

KIND = "metalearn own pictures"


def save(path: str | Path, classifier: OwnClassifier) -> None:
    """Write learner, class names, support pictures and threshold to one file; nothing is pickled."""
    tensors = {f"learner.{name}": tensor for name, tensor in classifier.learner.state_dict().items()}
    tensors |= {f"pictures.{number}": x for number, x in enumerate(classifier.pictures.values())}
    info = dict(kind=KIND, learner=describe(classifier.learner), names=classifier.names, norm=classifier.norm)
    storage.write(Path(path), tensors, info | dict(threshold=classifier.threshold, promised=classifier.promised))


def load(path: str | Path, into: Learner | None = None) -> OwnClassifier:
    """The classifier of a file that `save` wrote; it can be given further classes.

    into: a learner made as the saved one was, needed where its net is a reader's own; it takes the weights.
    FileNotFoundError where there is no file; ValueError where it is damaged, or something else.
    """
    tensors, info = storage.read(Path(path))
    if info.get("kind") != KIND:
        raise ValueError(f"{path} holds no adapted classifier; own_storage.save writes one")
    learner = build(info["learner"]) if into is None else into
    try:
        learner.load_state_dict({n.removeprefix("learner."): t for n, t in tensors.items() if n.startswith("learner.")})
    except RuntimeError as error:
        raise ValueError(f"the weights of {path} do not fit the learner ({error})") from error
    pictures = {name: tensors[f"pictures.{number}"] for number, name in enumerate(info["names"])}
    classifier = OwnClassifier(learner, pictures, info["norm"])
    classifier.threshold, classifier.promised = info["threshold"], info["promised"]
    return classifier


class Frozen(nn.Module):
    """What a program elsewhere needs: pictures (Q, C, H, W) in 0..1 in, probabilities (Q, N) out.

    The task's state is part of it, as constants; neither the support pictures nor the threshold are.
    """

    def __init__(self, classifier: OwnClassifier):
        super().__init__()
        self.learner, self.state = classifier.learner, classifier.state

    def forward(self, x: Tensor) -> Tensor:
        return self.learner.logits(self.state, x).softmax(-1)


def exported(classifier: OwnClassifier) -> torch.export.ExportedProgram:
    """The classifier as a graph for any number of pictures; `torch.export.save` writes it, `.module()` runs it."""
    frozen, x = Frozen(classifier).eval(), _two_pictures(classifier)
    with torch.no_grad():
        return torch.export.export(frozen, (x,), dynamic_shapes=({0: torch.export.Dim("pictures", min=1)},))


def write_onnx(path: str | Path, classifier: OwnClassifier) -> None:
    """The same for programs without PyTorch; needs the packages onnx and onnxscript (pip install onnx onnxscript)."""
    torch.onnx.export(exported(classifier), f=str(path), dynamo=True, verbose=False, external_data=False)


def _two_pictures(classifier: OwnClassifier) -> Tensor:
    return torch.cat(list(classifier.pictures.values()))[:2].clone()
