"""Ways of writing: the same prompts code-switched, transliterated, mistyped or framed, with a map to the plain text."""

from isogloss.prompts.perturb.arabizi import Arabizi
from isogloss.prompts.perturb.arabizi_profiles import PROFILES
from isogloss.prompts.perturb.code_switch import CodeSwitch, Level
from isogloss.prompts.perturb.framing import Framing
from isogloss.prompts.perturb.lexicon import Dictionary, load_dictionary
from isogloss.prompts.perturb.noise import Noise
from isogloss.prompts.perturb.parse import list_perturbations, parse_perturbation
from isogloss.prompts.perturb.perturbation import Perturbation, Rewritten, perturb_each, perturb_set
from isogloss.prompts.perturb.perturbed import Operation, Perturbed, Span
from isogloss.prompts.perturb.romanise import Romanise

__all__ = [
    "PROFILES",
    "Arabizi",
    "CodeSwitch",
    "Dictionary",
    "Framing",
    "Level",
    "Noise",
    "Operation",
    "Perturbation",
    "Perturbed",
    "Rewritten",
    "Romanise",
    "Span",
    "list_perturbations",
    "load_dictionary",
    "parse_perturbation",
    "perturb_each",
    "perturb_set",
]
