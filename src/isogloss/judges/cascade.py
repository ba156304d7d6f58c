"""Cheap judges first: each decides only where its card says that it can be trusted."""

from collections.abc import Sequence

from isogloss.core import Label, Prompt, Reply, Verdict
from isogloss.core.errors import UserError
from isogloss.core.fingerprint import fingerprint
from isogloss.judges.card import JudgeCard
from isogloss.judges.judge import Judge

MIN_PRECISION = 0.9
EVIDENCE_CHARACTERS = 160


class Cascade:
    """A row of judges. A verdict of one stands where, in that language, its label was right often enough.

    "Often enough" is judged by the **lower end** of the card's interval, so five lucky replies do not count, and a
    language or label that was never measured goes up. The last judge's verdict stands, whatever it is. Cards are
    measured on other replies than these, so take a margin: precision falls where refusals are rarer than they were
    on the card.

    Args:
        judges: two or more, cheapest first.
        cards: one for every judge but the last.
        min_precision: between 0 and 1.

    Raises:
        UserError: the numbers of judges and cards do not fit, or the least precision is no share.
        FingerprintMismatch: a card is of another judge than the one in its place.
    """

    def __init__(
        self, judges: Sequence[Judge], cards: Sequence[JudgeCard], *, min_precision: float = MIN_PRECISION
    ) -> None:
        if len(judges) < 2 or len(cards) != len(judges) - 1:
            raise UserError(
                f"A cascade needs two or more judges and a card for each but the last; "
                f"these are {len(judges)} judges and {len(cards)} cards."
            )
        if not 0 <= min_precision <= 1:
            raise UserError(f"The least precision is a share between 0 and 1, not {min_precision:g}.")
        for judge, card in zip(judges, cards, strict=False):
            card.check(judge.name, judge.fingerprint())
        self._judges = tuple(judges)
        self._cards = tuple(cards)
        self._min_precision = min_precision
        self.name = f"cascade({'>'.join(judge.name for judge in judges)})"

    def fingerprint(self) -> dict[str, str]:
        """The least precision, every judge and every card."""
        parts = {
            f"{number}.{key}": value
            for number, judge in enumerate(self._judges)
            for key, value in {"name": judge.name, **judge.fingerprint()}.items()
        }
        cards = fingerprint([card.model_dump(mode="json", by_alias=True) for card in self._cards])
        return {"min_precision": f"{self._min_precision:g}", "cards": cards, **parts}

    def judge(self, items: Sequence[tuple[Prompt, Reply]]) -> list[Verdict]:
        """One verdict for each pair, in order; a dearer judge sees only what the cheaper ones passed up."""
        verdicts: dict[int, Verdict] = {}
        waiting = list(range(len(items)))
        for step, judge in enumerate(self._judges):
            found = judge.judge([items[number] for number in waiting]) if waiting else []
            settled = {n: verdict for n, verdict in zip(waiting, found, strict=True) if self._stands(step, verdict)}
            verdicts |= {number: self._sign(verdict, judge.name) for number, verdict in settled.items()}
            waiting = [number for number in waiting if number not in settled]
        return [verdicts[number] for number in range(len(items))]

    def _stands(self, step: int, verdict: Verdict) -> bool:
        if step == len(self._judges) - 1 or "no_reply" in verdict.flags:
            return True
        if verdict.label is Label.UNDECIDED:
            return False
        share = self._cards[step].precision_of(verdict.label, verdict.language)
        return share is not None and share.interval is not None and share.interval[0] >= self._min_precision

    def _sign(self, verdict: Verdict, decider: str) -> Verdict:
        return Verdict(
            prompt_id=verdict.prompt_id,
            language=verdict.language,
            kind=verdict.kind,
            label=verdict.label,
            judge=self.name,
            confidence=verdict.confidence,
            evidence=f"{decider}: {verdict.evidence}"[:EVIDENCE_CHARACTERS],
            flags=verdict.flags,
        )
