"""Distances, with a stand-in for urielplus and, where it is installed, with the real one."""

import logging
import sys
from types import ModuleType
from typing import Any

import pytest

from isogloss.audit.distances import look_up_distances
from isogloss.core import Language
from isogloss.core.errors import MissingExtra

ENGLISH, SWAHILI, CHINESE = (Language.parse(tag) for tag in ("en", "sw", "zh"))


class FakeBase:
    def __init__(self) -> None:
        self.langs = [["eng", "swh"]]
        logging.getLogger().setLevel(logging.DEBUG)
        logging.getLogger().addHandler(logging.NullHandler())

    def new_distance(self, kind: str, codes: list[str]) -> float:
        if kind == "syntactic":
            raise ValueError("No shared syntactic features")
        assert sorted(codes) == ["eng", "swh"]
        return 0.25


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    package, module = ModuleType("urielplus"), ModuleType("urielplus.urielplus")
    fake: Any = module
    fake.URIELPlus = FakeBase
    monkeypatch.setitem(sys.modules, "urielplus", package)
    monkeypatch.setitem(sys.modules, "urielplus.urielplus", module)


@pytest.mark.usefixtures("stand_in")
def test_what_is_not_known_has_a_reason_and_no_number() -> None:
    kinds = ("featural", "syntactic")
    found = look_up_distances([ENGLISH, SWAHILI, CHINESE], ENGLISH, kinds)
    assert found[ENGLISH] == {"featural": (0.0, ""), "syntactic": (0.0, "")}
    assert found[SWAHILI]["featural"] == (0.25, "")
    assert found[SWAHILI]["syntactic"] == (None, "urielplus has no syntactic features that both languages share")
    assert found[CHINESE]["featural"] == (None, "urielplus has no entry for Chinese (cmn)")


@pytest.mark.usefixtures("stand_in")
def test_a_romanised_language_keeps_its_typology_and_loses_its_script_distance() -> None:
    romanised = Language.parse("sw-Arab")
    found = look_up_distances([romanised], ENGLISH, ("featural", "script"))[romanised]
    assert found["featural"] == (0.25, "")
    assert found["script"] == (None, "urielplus knows each language in its usual script alone")


@pytest.mark.usefixtures("stand_in")
def test_the_logging_of_the_user_is_left_as_it_was() -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.root.manager.disable)
    look_up_distances([SWAHILI], ENGLISH)
    assert (root.level, list(root.handlers), logging.root.manager.disable) == before


def test_without_the_package_the_message_is_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "urielplus", None)
    with pytest.raises(MissingExtra) as caught:
        look_up_distances([SWAHILI], ENGLISH)
    assert str(caught.value) == (
        "Looking up typological distances needs the package urielplus. Run: pip install 'isogloss[typology]'"
    )


def test_the_real_package_gives_distances_between_0_and_1() -> None:
    pytest.importorskip("urielplus.urielplus")
    german = Language.parse("de")
    found = look_up_distances([german, SWAHILI], ENGLISH, ("featural", "genetic", "geographic"))
    distances = {language: {kind: value for kind, (value, _) in kinds.items()} for language, kinds in found.items()}
    assert all(value is not None and 0 <= value <= 1 for kinds in distances.values() for value in kinds.values())
    # German is English's relative and Swahili is not: the order is beyond doubt, the numbers are the package's.
    assert distances[SWAHILI]["genetic"] == pytest.approx(1.0)
    assert (distances[german]["genetic"] or 0) < 1
    assert (distances[german]["featural"] or 0) < (distances[SWAHILI]["featural"] or 0)
