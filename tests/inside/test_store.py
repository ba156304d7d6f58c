"""The activation store: what is on disk is whole, of the right model, and what was recorded."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from isogloss.core import Language, Prompt
from isogloss.core.errors import BrokenInput, FingerprintMismatch, NothingToDo, TooFewPrompts, UnknownName
from isogloss.core.journal import read_rows
from isogloss.inside.activations import record_activations
from isogloss.inside.store import load_store, record_to_store, verify_store, write_store
from isogloss.inside.store_files import load_header
from isogloss.models.open_model import OpenModel


@pytest.fixture
def model(tiny_checkpoint: Callable[..., Path]) -> OpenModel:
    return OpenModel.load(tiny_checkpoint("qwen2"))


@pytest.fixture
def prompts(parallel_prompts) -> list[Prompt]:
    return list(parallel_prompts("en", "sw"))[:40]


def test_what_is_read_back_is_what_was_recorded(model, prompts, tmp_path):
    record_to_store(model, prompts, tmp_path, layers=[1, 3], positions=(-1, -2), chunk_prompts=7)
    found = load_store(tmp_path, prompts=prompts, model=model.fingerprint())
    fresh = record_activations(model, prompts, layers=[1, 3], positions=(-1, -2))
    np.testing.assert_allclose(found.hidden, fresh.hidden, rtol=1e-4, atol=1e-4)
    assert (found.layers, found.positions, found.prompts) == (fresh.layers, fresh.positions, fresh.prompts)


def test_states_in_memory_can_be_stored(model, prompts, tmp_path):
    fresh = record_activations(model, prompts, layers=[1, 3])
    write_store(fresh, tmp_path, chunk_prompts=16)
    np.testing.assert_array_equal(load_store(tmp_path, prompts=prompts).hidden, fresh.hidden)
    write_store(fresh, tmp_path)
    assert verify_store(tmp_path) == 3


def test_one_layer_and_any_order_can_be_read(model, prompts, tmp_path):
    record_to_store(model, prompts, tmp_path, chunk_prompts=7)
    backwards = prompts[::-1]
    one = load_store(tmp_path, prompts=backwards, layers=[2])
    every = load_store(tmp_path, prompts=prompts)
    np.testing.assert_array_equal(one.at(2), every.at(2)[::-1])
    assert one.layers == (2,)


@pytest.mark.parametrize(("dtype", "tolerance"), [("bfloat16", 2**-7), ("float16", 2**-10)])
def test_half_precision_rounds_and_no_more(model, prompts, tmp_path, dtype, tolerance):
    record_to_store(model, prompts, tmp_path, dtype=dtype)
    fresh = record_activations(model, prompts)
    np.testing.assert_allclose(load_store(tmp_path, prompts=prompts).hidden, fresh.hidden, rtol=tolerance, atol=1e-3)


def test_further_prompts_are_added_and_nothing_is_recorded_twice(model, prompts, tmp_path):
    record_to_store(model, prompts[:10], tmp_path)
    seen: list[int] = []
    record_to_store(model, prompts, tmp_path, progress=lambda _stage, done, _total: seen.append(done))
    # 10 of the 40 prompts are there before anything is run, and the last call reports all of them.
    assert (seen[0], seen[-1]) == (10, 40)
    assert len(load_store(tmp_path).prompts) == 40
    rows = list(read_rows(tmp_path / "chunks.jsonl"))
    assert [len(row["prompts"]) for row in rows] == [10, 30]


def test_the_store_holds_ids_and_hashes_but_no_text_unless_asked(model, prompts, tmp_path):
    record_to_store(model, prompts, tmp_path / "plain")
    record_to_store(model, prompts, tmp_path / "texts", with_texts=True)
    assert prompts[0].text not in (tmp_path / "plain" / "chunks.jsonl").read_text()
    assert {prompt.text for prompt in load_store(tmp_path / "plain").prompts} == {""}
    assert {prompt.text for prompt in load_store(tmp_path / "texts").prompts} == {prompt.text for prompt in prompts}
    read = {prompt.key: prompt for prompt in load_store(tmp_path / "plain").prompts}
    assert read[prompts[0].key] == replace(prompts[0], text="")


def test_another_model_is_refused_by_name_of_what_differs(model, prompts, tmp_path, tiny_checkpoint):
    record_to_store(model, prompts, tmp_path)
    other = OpenModel.load(tiny_checkpoint("qwen2", seed=1))
    with pytest.raises(FingerprintMismatch, match=r"model\.weights was"):
        record_to_store(other, prompts, tmp_path)
    with pytest.raises(FingerprintMismatch, match=r"model\.weights was"):
        load_store(tmp_path, model=other.fingerprint())


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"positions": (-2,)}, r"positions was \[-1\], now \[-2\]"),
        ({"layers": [0]}, "layers was"),
        ({"dtype": "bfloat16"}, 'dtype was "float32", now "bfloat16"'),
        ({"system_prompt": "Be kind."}, "system_prompt was null"),
        ({"revision": "main"}, "revision was null"),
    ],
)
def test_other_states_than_those_held_are_refused(model, prompts, tmp_path, change, named):
    record_to_store(model, prompts[:3], tmp_path)
    with pytest.raises(FingerprintMismatch, match=named):
        record_to_store(model, prompts[:3], tmp_path, **change)


def test_a_system_prompt_reaches_the_states(model, prompts, tmp_path):
    record_to_store(model, prompts[:3], tmp_path / "plain")
    record_to_store(model, prompts[:3], tmp_path / "asked", system_prompt="A B C")
    plain, asked = (load_store(tmp_path / name, prompts=prompts[:3]).hidden for name in ("plain", "asked"))
    assert not np.allclose(plain, asked)
    assert load_header(tmp_path / "asked").system_prompt is not None


def test_a_prompt_with_another_text_is_not_the_prompt_recorded(model, prompts, tmp_path):
    record_to_store(model, prompts[:3], tmp_path)
    with pytest.raises(TooFewPrompts, match="holds it with another text"):
        load_store(tmp_path, prompts=[replace(prompts[0], text="something else")])
    with pytest.raises(TooFewPrompts, match="does not hold it"):
        load_store(tmp_path, prompts=[replace(prompts[0], language=Language.parse("yo"))])


def test_a_chunk_that_was_cut_short_is_found(model, prompts, tmp_path):
    record_to_store(model, prompts, tmp_path)
    chunk = next((tmp_path / "chunks").iterdir())
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-100])
    with pytest.raises(BrokenInput, match=r"it has .* bytes, not"):
        load_store(tmp_path)
    with pytest.raises(BrokenInput, match=r"it has .* bytes, not"):
        record_to_store(model, prompts, tmp_path)
    chunk.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(BrokenInput, match="content has changed"):
        verify_store(tmp_path)


def test_a_file_that_is_not_listed_is_not_there(model, prompts, tmp_path):
    record_to_store(model, prompts[:5], tmp_path)
    (tmp_path / "chunks" / "000001.safetensors").write_bytes(b"half a file")
    (tmp_path / "chunks" / "000002.tmp").write_bytes(b"a draft")
    assert len(load_store(tmp_path).prompts) == 5
    record_to_store(model, prompts, tmp_path)
    assert len(load_store(tmp_path, prompts=prompts).prompts) == 40
    assert verify_store(tmp_path) == 2
    assert not list((tmp_path / "chunks").glob("*.tmp"))


def test_an_empty_folder_is_no_store_and_no_prompts_is_nothing_to_do(model, prompts, tmp_path):
    with pytest.raises(UnknownName, match="No activation store"):
        load_store(tmp_path)
    with pytest.raises(NothingToDo):
        record_to_store(model, [], tmp_path)
    record_to_store(model, prompts[:2], tmp_path, layers=[1])
    with pytest.raises(UnknownName, match="Record that layer first"):
        load_store(tmp_path, layers=[2])


def test_a_header_edited_by_hand_is_not_believed(model, prompts, tmp_path):
    record_to_store(model, prompts[:2], tmp_path)
    header = json.loads((tmp_path / "store.json").read_text())
    del header["layers"]
    (tmp_path / "store.json").write_text(json.dumps(header))
    with pytest.raises(BrokenInput, match="does not describe a store"):
        load_store(tmp_path)


RECORD = """
import sys, time
from pathlib import Path
import isogloss.inside.store as store
import isogloss.inside.store_files as files
from isogloss.core import Kind, Language, Prompt
from isogloss.models.open_model import OpenModel

slow = files.save_file
def save(tensors, path, **options):
    slow(tensors, path, **options)
    time.sleep(float(sys.argv[3]))  # the draft is on disk, the chunk is not listed yet
files.save_file = save
language = Language.parse("en")
prompts = [Prompt(str(n), "A B C " * (n % 5 + 1) + str(n), language, Kind.HARMFUL, str(n)) for n in range(60)]
store.record_to_store(OpenModel.load(sys.argv[1]), prompts, Path(sys.argv[2]), chunk_prompts=4)
"""


def test_a_killed_recording_goes_on_and_ends_with_the_same_states(tiny_checkpoint, tmp_path):
    script = tmp_path / "record.py"
    script.write_text(RECORD)
    checkpoint, store = tiny_checkpoint("qwen2"), tmp_path / "store"
    command = [sys.executable, str(script), str(checkpoint), str(store)]
    process = subprocess.Popen([*command, "0.05"])
    listing = store / "chunks.jsonl"
    end = time.monotonic() + 60
    while (not listing.exists() or listing.read_bytes().count(b"\n") < 3) and time.monotonic() < end:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    before = {row["key"]: row for row in read_rows(listing)}
    # 15 chunks of 4 prompts in all; the kill came after the third was listed.
    assert 3 <= len(before) < 15
    assert len(load_store(store).prompts) == 4 * len(before)
    subprocess.run([*command, "0"], check=True)
    after = {row["key"]: row for row in read_rows(listing)}
    assert len(after) == verify_store(store) == 15
    assert {key: after[key] for key in before} == before
    undisturbed = tmp_path / "undisturbed"
    subprocess.run([*command[:3], str(undisturbed), "0"], check=True)
    whole = load_store(undisturbed)
    resumed = load_store(store, prompts=[replace(prompt, text=_text(int(prompt.id))) for prompt in whole.prompts])
    np.testing.assert_allclose(resumed.hidden, whole.hidden, rtol=1e-4, atol=1e-4)


def _text(number: int) -> str:
    return "A B C " * (number % 5 + 1) + str(number)
