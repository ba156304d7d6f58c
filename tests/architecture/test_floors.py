"""The house holds: light rooms stay light, public names are what they claim to be."""

import importlib
import pkgutil
import subprocess
import sys

import pytest

import isogloss

LIGHT = ["core", "stats", "prompts", "judges", "audit", "report", "models.recorded", "models.endpoint", "cli.main"]
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


def test_every_public_room_says_what_it_is():
    for module in pkgutil.walk_packages(isogloss.__path__, "isogloss."):
        assert importlib.import_module(module.name).__doc__, f"{module.name} has no docstring"
