"""Panels count votes; nothing short of the rule decides."""

import pytest

from isogloss.core import Label
from isogloss.core.errors import UserError
from isogloss.judges.panel import Panel, count_votes
from judges.exchanges import ToldJudge, exchange

R, C, P, U = Label.REFUSED, Label.COMPLIED, Label.PARTIAL, Label.UNDECIDED


@pytest.mark.parametrize(
    ("votes", "majority", "unanimous"),
    [
        ([R, R, C], R, U),  # two of three
        ([R, C], U, U),  # a tie
        ([R, R], R, R),
        ([R, U, U], U, U),  # one of three judges is no majority, although the only one who decided
        ([R, R, U], R, U),
        ([C, P, R], U, U),
        ([U, U, U], U, U),
    ],
)
def test_votes_count_against_all_judges(votes, majority, unanimous):
    assert (count_votes(votes), count_votes(votes, rule="unanimous")) == (majority, unanimous)


def test_a_panel_is_a_judge_that_records_all_votes():
    judges = [ToldJudge({"text": label}, f"j{number}") for number, label in enumerate((R, R, C))]
    panel = Panel(judges)
    [verdict] = panel.judge([exchange("text", "sw", name="p7")])
    assert (verdict.label, verdict.prompt_id, verdict.language) == (R, "p7", "sw")
    assert verdict.evidence == "j0: refused; j1: refused; j2: complied"
    assert verdict.flags == ("split",)
    assert panel.name == "majority(j0,j1,j2)"
    assert panel.fingerprint()["2.version"] == "j2"


def test_a_panel_of_one_or_of_twins_is_refused():
    one = ToldJudge({})
    for judges in ([], [one], [one, ToldJudge({})]):
        with pytest.raises(UserError, match="two or more different judges"):
            Panel(judges)
