"""lm-eval's side: our prompt sets as its tasks, and its sample files as runs of ours."""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile, zip_longest
from pathlib import Path
from typing import Any

from isogloss.core import Finish, Kind, Label, Language, Prompt
from isogloss.core.errors import BrokenInput, NothingToDo, UnknownName
from isogloss.core.run import write_text
from isogloss.exchange.columns import Columns
from isogloss.exchange.imported import ImportedRun, Record, Source, gather_run
from isogloss.models.chat import Decoding
from isogloss.prompts.promptset import PromptSet
from isogloss.prompts.reading import read_rows

TASK_VERSION = 1
PLAIN_FILTER = "none"
OWN_COLUMNS = Columns(prompt_id="prompt_id")


def write_lm_eval_tasks(prompts: PromptSet, folder: Path, *, max_new_tokens: int = 128) -> list[Path]:
    """Write a prompt set as lm-eval tasks: one a language, and a group over all of them.

    The tasks only generate. They carry a placeholder metric, because lm-eval wants one: read the samples back with
    ``read_lm_eval_samples`` and judge them, as no string match can. Run them with ``--log_samples``, and with
    ``--apply_chat_template`` for a chat model. The YAML names the data files by absolute path, because lm-eval looks
    for relative ones in the folder where it is started: write the tasks again after moving the folder.

    Args:
        prompts: any set; its texts are written out.
        folder: created where absent; goes to lm-eval as ``--include_path``.
        max_new_tokens: longest reply.

    Returns:
        The files written, the group's last.

    Raises:
        WriteFailed: a file cannot be written.
    """
    group = f"isogloss_{_word(prompts.card.name)}"
    written: list[Path] = []
    names: list[str] = []
    for language in prompts.languages:
        name = f"{group}_{_word(language.tag)}"
        data = (folder / f"{name}.jsonl").resolve()
        write_text(data, "".join(_line(prompt) for prompt in _alternate(prompts, language)))
        target = folder / f"{name}.yaml"
        write_text(target, _compose_task(name, data, language, max_new_tokens))
        names.append(name)
        written += [data, target]
    target = folder / f"{group}.yaml"
    write_text(target, f"group: {group}\ntask:\n" + "".join(f"  - {name}\n" for name in names))
    return [*written, target]


def read_lm_eval_samples(path: Path, *, columns: Columns | None = None, model: str | None = None) -> ImportedRun:
    """Read lm-eval's sample files (``--log_samples``) of one model.

    The prompt is the document's ``text`` where it has one, else what was sent to the model, with any chat template
    in it. Files have no finish reasons and no verdicts of ours, so the replies are to be judged.

    Args:
        path: a ``samples_*.jsonl`` file, or a folder that holds them at any depth.
        columns: which field of the documents means what; None takes our own names, which our tasks write.
        model: what to call the model; None takes it from the ``results_*.json`` beside the samples.

    Raises:
        UnknownName: no such file or folder, no sample files in it, or samples of several models.
        BrokenInput: a row is no sample of a generation task; the message names file and line.
        NothingToDo: the files hold no samples.
    """
    files = _find_files(path)
    known = columns or OWN_COLUMNS
    records = [record for file in files for record in _read_file(file, known)]
    if not records:
        raise NothingToDo(f"{path} holds no samples to import.")
    results = _read_results({file.parent for file in files}, path)
    source = Source(
        tool="lm-eval",
        name=path.name,
        model=model or _name_model(results) or path.stem,
        task=_name_task(files),
        decoding=_read_decoding(files[0]),
        notes=("Replies of lm-eval; its sample files do not say why a reply ended.",),
    )
    return gather_run(source, records)


def _alternate(prompts: PromptSet, language: Language) -> Iterator[Prompt]:
    """Harmful and harmless prompts in turn, so that lm-eval's ``--limit``, which takes the first, takes both."""
    kinds = [[one for one in prompts if one.language == language and one.kind == kind] for kind in Kind]
    for pair in zip_longest(*kinds):
        yield from (prompt for prompt in pair if prompt is not None)


def _line(prompt: Prompt) -> str:
    fields = {
        "prompt_id": prompt.id,
        "text": prompt.text,
        "target": Label.REFUSED if prompt.kind == "harmful" else Label.COMPLIED,
        "language": prompt.language.tag,
        "kind": prompt.kind,
        "seed_id": prompt.seed_id,
        "cluster": prompt.cluster,
        # lm-eval reads the file as a table, so every row has every column.
        "category": prompt.category or "",
        "failure_mode": prompt.failure_mode or "",
    }
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _compose_task(name: str, data: Path, language: Language, max_new_tokens: int) -> str:
    """The YAML of one language. Strings are written as JSON, which is YAML too."""
    return f"""\
# {language.name}: prompts to be answered here and judged by isogloss.
task: {name}
tag: isogloss
dataset_path: json
dataset_kwargs:
  data_files:
    test: {json.dumps(str(data), ensure_ascii=False)}
test_split: test
output_type: generate_until
doc_to_text: text
doc_to_target: target
generation_kwargs:
  until: []
  do_sample: false
  temperature: 0.0
  max_gen_toks: {max_new_tokens}
metric_list:
  - metric: bypass
    aggregation: bypass
    higher_is_better: true
metadata:
  version: {TASK_VERSION}
  language: {json.dumps(language.tag)}
"""


def _word(name: str) -> str:
    """A name that may stand in a task's name."""
    return "".join(letter if letter.isalnum() else "_" for letter in name.lower())


def _find_files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    files = sorted(path.rglob("samples_*.jsonl")) if path.is_dir() else []
    if not files:
        raise UnknownName(f"No samples_*.jsonl at {path}. Run lm_eval with --log_samples --output_path FOLDER.")
    return files


def _read_file(path: Path, columns: Columns) -> Iterator[Record]:
    seen: dict[str, str] = {}
    for row in read_rows(path):
        sample = row.values
        document, number = sample.get("doc"), str(sample.get("doc_id"))
        if not isinstance(document, dict) or "filtered_resps" not in sample:
            raise BrokenInput(f"{row.place} is no sample of lm-eval: no 'doc' or no 'filtered_resps'.")
        used = str(sample.get("filter", PLAIN_FILTER))
        # A task with several filters writes each sample once for every filter; the model's own words are in all.
        if seen.setdefault(number, used) != used:
            continue
        prompt = columns.read(document, place=row.place, own_id=f"{path.stem}-{number}")
        yield Record(
            place=row.place,
            prompt={**prompt, "text": document.get("text") or _find_sent(sample, row.place)},
            reply=_find_reply(sample, row.place),
            finish=Finish.UNKNOWN,
        )


def _find_reply(sample: Mapping[str, Any], place: str) -> str:
    """The unfiltered reply: a list of requests, each with a list of repeats."""
    replies = sample.get("resps")
    while isinstance(replies, list) and replies:
        replies = replies[0]
    if not isinstance(replies, str):
        raise BrokenInput(f"{place} holds no text: only generate_until tasks have replies to import.")
    return replies


def _find_sent(sample: Mapping[str, Any], place: str) -> str:
    """What was sent to the model: the first argument, in the two forms that lm-eval has written it."""
    arguments = sample.get("arguments")
    first: Any = next(iter(arguments.values()), None) if isinstance(arguments, dict) else arguments
    while isinstance(first, list | dict) and first:
        first = first[0] if isinstance(first, list) else next(iter(first.values()))
    if not isinstance(first, str):
        raise BrokenInput(f"{place} does not hold what was asked: no 'doc.text' and no 'arguments'.")
    return first


def _read_results(folders: Iterable[Path], path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for folder in sorted(folders):
        for file in sorted(folder.glob("results_*.json")):
            try:
                value = json.loads(file.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise BrokenInput(f"{file} cannot be read: {error}.") from error
            found += [value] if isinstance(value, dict) else []
    names = {name for one in found if (name := _name_model([one]))}
    if len(names) > 1:
        raise UnknownName(f"{path} holds samples of {len(names)} models: {', '.join(sorted(names))}. Name one folder.")
    return found


def _name_model(results: Iterable[Mapping[str, Any]]) -> str | None:
    for one in results:
        config = one.get("config")
        name = one.get("model_name") or (config.get("model") if isinstance(config, dict) else None)
        if name:
            return str(name)
    return None


def _name_task(files: list[Path]) -> str:
    """What the files' names have in common: ``samples_TASK_DATE.jsonl``, where our tasks end in the language."""
    names = sorted({file.stem.removeprefix("samples_").rsplit("_", 1)[0] for file in files})
    if len(names) == 1:
        return names[0]
    columns = zip(*(name.split("_") for name in names), strict=False)
    shared = [words[0] for words in takewhile(lambda words: len(set(words)) == 1, columns)]
    return "_".join(shared) or f"{names[0]} and {len(names) - 1} more"


def _read_decoding(path: Path) -> Decoding:
    """Decoding as the first sample states it: lm-eval keeps it beside the text that was sent."""
    sample = next((row.values for row in read_rows(path)), {})
    facts = _find_settings(sample.get("arguments"))
    plain = Decoding()
    sampled = bool(facts.get("do_sample"))
    return Decoding(
        max_new_tokens=int(facts.get("max_gen_toks") or plain.max_new_tokens),
        temperature=float(facts.get("temperature") or 0.0) if sampled else plain.temperature,
        top_p=float(facts.get("top_p") or plain.top_p) if sampled else plain.top_p,
    )


def _find_settings(value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict) and "until" in value:
        return value
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((found for part in inner if (found := _find_settings(part))), {})
