"""What the command line prints for people."""

from __future__ import annotations

from alcore.cli.terminal import print_answer


def test_the_command_line_says_shares_in_percent_and_the_rest_as_it_is(capsys):
    print_answer(
        {"accuracy": 0.93314, "metrics": {"mean_iou": 0.2301, "loss": 0.5}, "per_class": [{"class": "sky", "iou": 0.5, "share": 0.25}]}
    )
    assert (
        capsys.readouterr().out == "accuracy: 93.3 %\nmetrics: mean_iou=23.0 % loss=0.5\nper_class:\n  class=sky  iou=50.0 %  share=0.25\n"
    )
