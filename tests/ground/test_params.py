"""Parameters from outside: text becomes its type, and everything that is wrong is said at once."""

from __future__ import annotations

import pytest

from alcore.errors import BadInput
from alcore.params import TrainParams, make_params, milestones


def test_parameters_given_as_text_become_their_types():
    params = make_params(TrainParams, {"steps": "12", "flip": "False", "learning_rate": "1e-2", "architecture": "resnet18"}, "training")
    assert (params.steps, params.flip, params.learning_rate, params.architecture) == (12, False, 0.01, "resnet18")
    assert type(params.steps) is int


def test_everything_that_is_wrong_is_said_at_once():
    wrong = {
        "steps": 2.5,
        "flip": "maybe",
        "momentum": 2,
        "architecture": "vit",
        "speed": 1,
        "decay": "nan",
        "crop": "wide",
        "batch_size": "inf",
        "milestones": "0.6,0.3",
    }
    with pytest.raises(BadInput) as refused:
        make_params(TrainParams, wrong, "training")
    said = str(refused.value)
    assert said.startswith("parameters of training: ")
    for part in (
        "steps=2.5: use a whole number",
        "flip='maybe': use true or false",
        "momentum=2: use a value from 0 to 0.999",
        "architecture='vit': use one of features, small_cnn, resnet18, resnet18_cifar, vgg16_bn",
        "speed is not a parameter (there are: architecture, extractor, classifier, weights",
        "decay='nan': use a finite number",
        "crop='wide': use a number",
        "batch_size='inf': use a finite number",
        "milestones='0.6,0.3': use shares of the steps that rise, as in 0.3,0.6,0.8",
    ):
        assert part in said


def test_milestones_are_shares_of_the_steps_that_rise():
    assert milestones("0.3,0.6,0.8") == (0.3, 0.6, 0.8)
    assert milestones(" 0.5 ") == (0.5,)
    assert milestones("") == ()
    for text in ("0", "1", "0.5,0.5", "30,60,80", "half", "0.5,", "nan"):
        with pytest.raises(ValueError, match="use shares of the steps that rise"):
            milestones(text)
