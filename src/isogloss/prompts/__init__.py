"""What is asked: prompts with a card that says where they come from, the bundled sets, and loaders for others."""

from isogloss.prompts.mini import load_mini
from isogloss.prompts.multijail import load_multijail
from isogloss.prompts.organism import load_organism
from isogloss.prompts.polyrefuse import load_polyrefuse
from isogloss.prompts.promptset import PromptCard, PromptSet
from isogloss.prompts.table import load_prompts_file, save_prompts_file

__all__ = [
    "PromptCard",
    "PromptSet",
    "load_mini",
    "load_multijail",
    "load_organism",
    "load_polyrefuse",
    "load_prompts_file",
    "save_prompts_file",
]
