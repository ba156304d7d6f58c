"""Isogloss: find, explain and move the line where a language model's safety stops.

The rooms are the public interface: import from `isogloss.core`, `isogloss.prompts`, `isogloss.models`,
`isogloss.judges`, `isogloss.audit`, `isogloss.inside`, `isogloss.repair` and `isogloss.report`.
Importing this package loads nothing heavy.
"""

__version__ = "0.1.0"
