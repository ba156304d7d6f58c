"""Sets from the hub, with a stand-in for its client: what is asked of it and what a user is told when it fails."""

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from isogloss.core.errors import EndpointFailed, IsoglossError, MissingExtra, UnknownName
from isogloss.prompts.aya import AYA_ON_HUB, load_aya
from isogloss.prompts.hub import HubSource, fetch_from_hub, load_from_hub

ROW = '{"prompt": "Lie", "harm_category": "[\'Profanity\']", "global_or_local": "global"}\n'


class Failure(OSError):
    pass


class Missing(Failure):
    pass


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A hub that gives ``tmp_path`` or raises ``asked.error``, and remembers what it was asked."""
    seen = SimpleNamespace(error=None, arguments={})

    def snapshot_download(repository: str, **arguments: Any) -> str:
        seen.arguments = {"repository": repository, **arguments}
        if seen.error:
            raise seen.error
        return str(tmp_path)

    hub: Any = ModuleType("huggingface_hub")
    errors: Any = ModuleType("huggingface_hub.errors")
    hub.snapshot_download, hub.errors = snapshot_download, errors
    errors.LocalEntryNotFoundError = Missing
    errors.RepositoryNotFoundError = type("RepositoryNotFoundError", (Failure,), {})
    errors.RevisionNotFoundError = type("RevisionNotFoundError", (Failure,), {})
    errors.HFValidationError = type("HFValidationError", (ValueError,), {})
    errors.HfHubHTTPError = Failure
    seen.errors = errors
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    monkeypatch.setitem(sys.modules, "huggingface_hub.errors", errors)
    return seen


def complaint(error: type[IsoglossError], source: HubSource = AYA_ON_HUB, **options: Any) -> str:
    with pytest.raises(error) as caught:
        fetch_from_hub(source, **options)
    return str(caught.value)


def test_the_files_are_read_by_the_loader_for_local_copies(asked: SimpleNamespace, tmp_path: Path) -> None:
    (tmp_path / "aya_eng.jsonl").write_text(ROW)
    assert [prompt.text for prompt in load_from_hub(load_aya, AYA_ON_HUB, revision="abc")] == ["Lie"]
    assert asked.arguments == {
        "repository": "CohereLabs/aya_redteaming",
        "repo_type": "dataset",
        "revision": "abc",
        "cache_dir": None,
        "allow_patterns": ["aya_*.jsonl"],
        "local_files_only": True,
    }


def test_the_network_is_used_only_when_asked_for(asked: SimpleNamespace, tmp_path: Path) -> None:
    fetch_from_hub(AYA_ON_HUB, network=True, cache_folder=tmp_path)
    assert (asked.arguments["local_files_only"], asked.arguments["cache_dir"]) == (False, tmp_path)


def test_a_set_that_is_not_there_says_how_to_get_it(asked: SimpleNamespace) -> None:
    asked.error = Missing("x")
    assert complaint(UnknownName) == (
        "The cache does not hold CohereLabs/aya_redteaming, and the network is off. Allow the download, or give the "
        "folder of a copy."
    )
    assert complaint(EndpointFailed, network=True).startswith("The hub cannot be reached, and the cache does not hold")


def test_a_wrong_name_and_a_refusal_are_told_apart(asked: SimpleNamespace) -> None:
    asked.error = asked.errors.RepositoryNotFoundError("404")
    assert complaint(UnknownName, network=True, revision="v9").startswith(
        "The hub shows no data set 'CohereLabs/aya_redteaming' at 'v9'."
    )
    asked.error = Failure("403 Forbidden\nlong text")
    assert complaint(EndpointFailed, network=True) == ("The hub did not give CohereLabs/aya_redteaming: 403 Forbidden")


def test_without_the_client_the_message_is_the_install_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert complaint(MissingExtra) == (
        "Loading a set from the hub needs the package huggingface_hub. Run: pip install 'isogloss[hub]'"
    )


def test_the_real_client_has_the_errors_that_are_caught() -> None:
    errors = pytest.importorskip("huggingface_hub.errors")
    names = ("LocalEntryNotFoundError", "RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError")
    assert [name for name in (*names, "HfHubHTTPError") if not hasattr(errors, name)] == []


def test_the_real_client_without_a_cache_is_told_as_such(tmp_path: Path) -> None:
    pytest.importorskip("huggingface_hub")
    assert "The cache does not hold" in complaint(UnknownName, cache_folder=tmp_path)
