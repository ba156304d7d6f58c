"""Packages that only some sets need, asked for when they are needed."""

from importlib import import_module
from typing import Any

from isogloss.core.errors import MissingExtra


def import_extra(module: str, *, extra: str, purpose: str) -> Any:
    """Import an optional package.

    Args:
        module: what to import, such as ``pyarrow.parquet``.
        extra: the extra of isogloss that installs it.
        purpose: begins the message, such as "Reading Parquet files".

    Raises:
        MissingExtra: it is not installed; the message is the install command.
    """
    try:
        return import_module(module)
    except ImportError as error:
        package = module.split(".")[0]
        raise MissingExtra(f"{purpose} needs the package {package}. Run: pip install 'isogloss[{extra}]'") from error
