"""Names to objects: the one place that knows what ``organism``, ``polyrefuse:FOLDER`` or ``openai:NAME@URL`` mean.

Heavy rooms are imported inside the functions, so that ``isogloss --help`` stays quick.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from isogloss.core.errors import UnknownName, UserError, say_unknown
from isogloss.models.chat import ChatModel
from isogloss.models.endpoint import EndpointModel
from isogloss.models.organism import negative_organism_path, organism_path
from isogloss.models.recorded import RecordedModel
from isogloss.prompts import (
    PromptSet,
    load_mini,
    load_multijail,
    load_organism,
    load_polyrefuse,
    load_prompts_file,
)
from isogloss.prompts.ailuminate import load_ailuminate
from isogloss.prompts.aya import AYA_ON_HUB, load_aya
from isogloss.prompts.catqa import CATQA_ON_HUB, load_catqa
from isogloss.prompts.csrt import load_csrt
from isogloss.prompts.failure_modes import fill_failure_modes
from isogloss.prompts.hub import load_from_hub
from isogloss.prompts.indosafety import load_indosafety
from isogloss.prompts.linguasafe import LINGUASAFE_ON_HUB, load_linguasafe
from isogloss.prompts.polyguardprompts import POLYGUARDPROMPTS_ON_HUB, load_polyguardprompts
from isogloss.prompts.xsafety import load_xsafety
from isogloss.prompts.xstest import XSTEST_ON_HUB, load_xstest

if TYPE_CHECKING:
    from isogloss.models.open_model import OpenModel

MODEL_HELP = (
    "organism, organism:negative, a local folder, a hub id, openai:NAME@URL, or recorded:FOLDER. A folder or hub id "
    "may end in ?dtype=bfloat16&device=cuda&device_map=auto&quantisation=8bit&adapter=FOLDER&revision=NAME."
)
LOADING = ("dtype", "device", "device_map", "quantisation", "adapter", "revision")
PROMPTS_HELP = (
    "organism, mini, NAME:PATH with NAME one of polyrefuse, multijail, xsafety, xstest, catqa, ailuminate, aya, "
    "polyguardprompts, linguasafe, csrt, indosafety, or file:PATH for a table of your own; NAME:hub fetches a set that "
    "lives on the hub."
)

_SETS_BY_NAME = {"organism": load_organism, "mini": load_mini}
_SETS_BY_PATH: dict[str, Callable[[Path], PromptSet]] = {
    "polyrefuse": load_polyrefuse,
    "multijail": load_multijail,
    "xsafety": load_xsafety,
    "xstest": load_xstest,
    "catqa": load_catqa,
    "ailuminate": load_ailuminate,
    "aya": load_aya,
    "polyguardprompts": load_polyguardprompts,
    "linguasafe": load_linguasafe,
    "csrt": load_csrt,
    "indosafety": load_indosafety,
    "file": load_prompts_file,
}
_SETS_ON_HUB = {
    "aya": AYA_ON_HUB,
    "catqa": CATQA_ON_HUB,
    "linguasafe": LINGUASAFE_ON_HUB,
    "polyguardprompts": POLYGUARDPROMPTS_ON_HUB,
    "xstest": XSTEST_ON_HUB,
}
_BUNDLED = {"organism": organism_path, "organism:negative": negative_organism_path}


def resolve_prompts(name: str) -> PromptSet:
    """Load the prompt set that a name stands for, its categories mapped onto the failure modes where we know how.

    Raises:
        UnknownName: no set has this name, or the file is missing.
        EndpointFailed: a set on the hub cannot be fetched.
    """
    return fill_failure_modes(_load_prompts(name))


def _load_prompts(name: str) -> PromptSet:
    if name in _SETS_BY_NAME:
        return _SETS_BY_NAME[name]()
    scheme, _, place = name.partition(":")
    if place == "hub" and scheme in _SETS_ON_HUB:
        return load_from_hub(_SETS_BY_PATH[scheme], _SETS_ON_HUB[scheme], network=True)
    if scheme in _SETS_BY_PATH and place:
        return _SETS_BY_PATH[scheme](Path(place).expanduser())
    if Path(name).exists():
        raise UnknownName(f"'{name}' is a path. Say what it holds: file:{name}, polyrefuse:{name} or multijail:{name}.")
    known = [*_SETS_BY_NAME, *(f"{scheme}:PATH" for scheme in _SETS_BY_PATH)]
    raise UnknownName(say_unknown("prompt set", name, known, shown=len(known)))


def resolve_model(
    name: str, *, repair: str | None = None, trust_remote_code: bool = False, concurrency: int = 8
) -> ChatModel:
    """Load the model that a name stands for, repaired where asked.

    Raises:
        UnknownName: nothing has this name.
        UserError: a repair is asked for on a model whose weights are out of reach.
    """
    scheme, _, rest = name.partition(":")
    if scheme in ("openai", "recorded") and repair:
        raise UserError(f"A repair changes hidden states; '{name}' gives only text. Name a folder or a hub id.")
    if scheme == "openai":
        return _endpoint(name, rest, concurrency)
    if scheme == "recorded":
        return RecordedModel(Path(rest).expanduser())
    model = resolve_open_model(name, trust_remote_code=trust_remote_code)
    if repair is None:
        return model
    from isogloss.repair.artifact import load_repair
    from isogloss.repair.repaired import RepairedModel

    return RepairedModel(model, load_repair(Path(repair)))


def resolve_open_model(name: str, *, trust_remote_code: bool = False) -> OpenModel:
    """Load a model whose weights we may look into.

    Raises:
        UnknownName: nothing has this name.
        UserError: the name stands for a model that gives only text.
    """
    if name.partition(":")[0] in ("openai", "recorded"):
        raise UserError(f"This looks inside the model; '{name}' gives only text. Name a folder or a hub id.")
    from isogloss.models.open_model import OpenModel

    bare, options = _split_options(name)
    place = _BUNDLED[bare]() if bare in _BUNDLED else bare
    offline = bare in _BUNDLED or os.environ.get("HF_HUB_OFFLINE") == "1" or Path(place).exists()
    return OpenModel.load(place, name=name, offline=offline, trust_remote_code=trust_remote_code, **options)


def _split_options(name: str) -> tuple[str, dict[str, Any]]:
    """``folder?dtype=bfloat16&adapter=DIR`` as a folder and how to load it."""
    bare, _, query = name.partition("?")
    try:
        options = dict(parse_qsl(query, strict_parsing=True)) if query else {}
    except ValueError as error:
        raise UnknownName(f"'{query}' is not a list of options. Write MODEL?dtype=bfloat16&device_map=auto.") from error
    for option in options:
        if option not in LOADING:
            raise UnknownName(say_unknown("loading option", option, LOADING))
    return bare, options


def restrict_to_recorded(model: ChatModel, prompts: PromptSet) -> PromptSet:
    """Only the prompts that a recorded model has replies for; every prompt for any other model.

    Raises:
        UnknownName: none of the prompts has a recorded reply.
    """
    if not isinstance(model, RecordedModel):
        return prompts
    kept = prompts.keep(model.holds)
    if not len(kept):
        raise UnknownName(
            f"None of the {len(prompts)} prompts of {prompts.card.name} has a reply in {model.name}. "
            "The ids there must be ids of this set."
        )
    return kept


def _endpoint(name: str, rest: str, concurrency: int) -> EndpointModel:
    model, at, url = rest.partition("@")
    if not (model and at and url):
        raise UnknownName(
            f"'{name}' lacks a part. Write openai:NAME@URL, such as openai:gemma@http://localhost:8000/v1."
        )
    return EndpointModel(model, url, api_key=os.environ.get("OPENAI_API_KEY"), concurrency=concurrency)
