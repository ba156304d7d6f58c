"""The house holds: light rooms stay light, public names are what they claim to be."""

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import isogloss

LIGHT = ["core", "stats", "prompts", "judges", "audit", "report", "models.recorded", "models.endpoint", "cli.main"]
LIGHT += ["survey.sources", "survey.selection"]
HEAVY = ("torch", "transformers")


@pytest.mark.parametrize("room", LIGHT)
def test_a_light_room_does_not_load_torch(room):
    script = f"import sys, isogloss.{room}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_exported_name_exists_and_is_listed_once():
    for module in pkgutil.iter_modules(isogloss.__path__, "isogloss."):
        room = importlib.import_module(module.name)
        names = getattr(room, "__all__", [])
        assert len(names) == len(set(names)), module.name
        assert [name for name in names if not hasattr(room, name)] == [], module.name


def test_every_module_says_what_it_is():
    sources = sorted(Path(isogloss.__path__[0]).rglob("*.py"))
    assert [path.name for path in sources if not ast.get_docstring(ast.parse(path.read_text("utf-8")))] == []
