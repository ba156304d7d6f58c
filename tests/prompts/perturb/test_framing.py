"""Frames in every language of the bundled set."""

import json
from importlib.resources import files

import pytest

from isogloss.core import Language
from isogloss.core.errors import UnknownName
from isogloss.prompts import load_mini
from isogloss.prompts.perturb import Framing, Operation
from isogloss.prompts.perturb.framing import load_frames

LANGUAGES = load_mini().languages
TABLE = json.loads((files("isogloss.prompts.perturb") / "frames.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("frame", TABLE)
@pytest.mark.parametrize("language", LANGUAGES, ids=str)
def test_every_language_has_every_frame_and_keeps_the_prompt_whole(mini, frame, language):
    assert Framing(frame).takes(language)
    prompt = mini.select(languages=(language,)).prompts[0]
    result = Framing(frame).write(prompt)
    (kept,) = [span for span in result.spans if span.operation is Operation.KEEP]
    assert result.text[kept.target_start : kept.target_end] == prompt.text
    assert result.find_source(kept.target_start, kept.target_end) == (0, len(prompt.text))
    assert len(result.text) > len(prompt.text) + 20


@pytest.mark.parametrize("frame", TABLE)
def test_frames_have_one_slot_and_differ_between_languages(frame):
    assert all(text.count("{prompt}") == 1 for text in TABLE[frame].values())
    assert len(set(TABLE[frame].values())) == len(TABLE[frame])


def test_an_unknown_frame_or_language_is_answered_with_the_known_ones(ask):
    with pytest.raises(UnknownName, match="Known: classroom, role-play, story"):
        Framing("storry")
    with pytest.raises(UnknownName, match="No frame 'story' in 'xh'"):
        Framing("story").write(ask("molo", "xh"))
    assert not Framing("story").takes(Language.parse("xh"))
    assert set(load_frames()) == {"story", "role-play", "classroom"}
