"""What happens within: activations, directions, and why a language fails. Importing this package loads no torch."""

from isogloss.inside.record import Diagnosis, Finding, LanguageDiagnosis, load_diagnosis, write_diagnosis

__all__ = ["Diagnosis", "Finding", "LanguageDiagnosis", "load_diagnosis", "write_diagnosis"]
