"""Sets on the Hugging Face hub: fetch their files, then read them as any local copy."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from isogloss.core.errors import EndpointFailed, UnknownName
from isogloss.prompts.extras import import_extra
from isogloss.prompts.promptset import PromptSet


@dataclass(frozen=True, slots=True)
class HubSource:
    """Where a set lives on the hub.

    Attributes:
        repository: "owner/name" of the data set.
        patterns: files to fetch, as in a shell; nothing else is downloaded.
    """

    repository: str
    patterns: tuple[str, ...]


TABLES = ("*.jsonl", "*.json", "*.csv", "*.tsv", "*.parquet")
"""What may hold prompts in a repository that we know nothing else about."""


def fetch_from_hub(
    source: HubSource,
    *,
    network: bool = False,
    revision: str | None = None,
    cache_folder: Path | None = None,
) -> Path:
    """The local folder with a set's files; downloads them only when asked to.

    Only files are fetched: a script in the repository is neither downloaded nor run. Gated sets need
    ``huggingface-cli login`` and the publisher's consent first.

    Args:
        source: repository and files.
        network: whether to download what the cache lacks.
        revision: a commit, branch or tag; give a commit to make a run repeatable.
        cache_folder: where downloads lie; the hub client's own place when absent.

    Raises:
        MissingExtra: huggingface_hub is not installed.
        UnknownName: the cache does not hold the set and the network is off, or the hub has no such set or revision.
        EndpointFailed: the hub does not answer or refuses.
    """
    hub = import_extra("huggingface_hub", extra="hub", purpose="Loading a set from the hub")
    errors = import_extra("huggingface_hub.errors", extra="hub", purpose="Loading a set from the hub")
    try:
        folder = hub.snapshot_download(
            source.repository,
            repo_type="dataset",
            revision=revision,
            cache_dir=cache_folder,
            allow_patterns=list(source.patterns),
            local_files_only=not network,
        )
    except errors.LocalEntryNotFoundError as error:
        raise _say_not_there(source, network) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.HFValidationError) as error:
        at = f" at '{revision}'" if revision else ""
        raise UnknownName(
            f"The hub shows no data set '{source.repository}'{at}. Check the name; for a gated set run "
            "huggingface-cli login after its publisher has let you in."
        ) from error
    except (errors.HfHubHTTPError, OSError) as error:
        raise EndpointFailed(f"The hub did not give {source.repository}: {str(error).splitlines()[0]}") from error
    return Path(folder)


def load_from_hub(
    loader: Callable[[Path], PromptSet],
    source: HubSource,
    *,
    network: bool = False,
    revision: str | None = None,
    cache_folder: Path | None = None,
) -> PromptSet:
    """Fetch a set's files and read them with the loader for its local copies.

    Args:
        loader: such as ``load_aya``.
        source: such as ``AYA_ON_HUB``.
        network: whether to download what the cache lacks.
        revision: a commit, branch or tag.
        cache_folder: where downloads lie.

    Raises:
        MissingExtra, UnknownName, EndpointFailed: as for ``fetch_from_hub``.
        UserError: as for the loader.
    """
    return loader(fetch_from_hub(source, network=network, revision=revision, cache_folder=cache_folder))


def _say_not_there(source: HubSource, network: bool) -> UnknownName | EndpointFailed:
    if network:
        return EndpointFailed(
            f"The hub cannot be reached, and the cache does not hold {source.repository}. Check the connection, "
            "or download the set elsewhere and give its folder."
        )
    return UnknownName(
        f"The cache does not hold {source.repository}, and the network is off. Allow the download, or give the "
        "folder of a copy."
    )
