"""Several judges, one verdict: by majority or only where all agree."""

from collections import Counter
from collections.abc import Sequence
from typing import Literal

from isogloss.core import Label, Prompt, Reply, Verdict
from isogloss.core.errors import UserError
from isogloss.judges.judge import Judge

Rule = Literal["majority", "unanimous"]
VOTES_CHARACTERS = 400


class Panel:
    """Asks every judge and counts; whoever does not decide votes for nobody.

    *Majority*: a label needs the votes of more than half of **all** judges. *Unanimous*: the votes of all. Anything
    else, a tie included, is ``undecided`` with the flag ``split``. The evidence lists every vote.

    A panel of judges that share a blind spot (one model family, one language) is not more trustworthy than one of
    them; see their agreement and their cards.

    Args:
        judges: two or more.
        rule: majority or unanimous.

    Raises:
        UserError: fewer than two judges, or two of the same name.
    """

    def __init__(self, judges: Sequence[Judge], *, rule: Rule = "majority") -> None:
        names = [judge.name for judge in judges]
        if len(judges) < 2 or len(set(names)) < len(names):
            raise UserError(f"A panel needs two or more different judges; these are {', '.join(names) or 'none'}.")
        self._judges = tuple(judges)
        self._rule = rule
        self.name = f"{rule}({','.join(names)})"

    def fingerprint(self) -> dict[str, str]:
        """The rule and every judge."""
        parts = {
            f"{number}.{key}": value
            for number, judge in enumerate(self._judges)
            for key, value in {"name": judge.name, **judge.fingerprint()}.items()
        }
        return {"rule": self._rule, **parts}

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        """One verdict for each pair, in order."""
        ballots = zip(*(judge.judge(items) for judge in self._judges), strict=True)
        return [self._count(list(votes)) for votes in ballots]

    def _count(self, votes: list[Verdict]) -> Verdict:
        label = count_votes([vote.label for vote in votes], rule=self._rule)
        flags = sorted({flag for vote in votes if vote.label is label for flag in vote.flags})
        split = len({vote.label for vote in votes}) > 1
        first = votes[0]
        return Verdict(
            prompt_id=first.prompt_id,
            language=first.language,
            kind=first.kind,
            label=label,
            judge=self.name,
            evidence="; ".join(f"{vote.judge}: {vote.label}" for vote in votes)[:VOTES_CHARACTERS],
            flags=(*flags, "split") if split else tuple(flags),
        )


def count_votes(votes: Sequence[Label], *, rule: Rule = "majority") -> Label:
    """The label that wins under a rule, or ``undecided``."""
    if not votes:
        return Label.UNDECIDED
    [(label, count)] = Counter(votes).most_common(1)
    needed = len(votes) if rule == "unanimous" else len(votes) // 2 + 1
    return label if count >= needed else Label.UNDECIDED
