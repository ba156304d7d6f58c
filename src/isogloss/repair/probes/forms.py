"""Two forms of one comparison: as published, and with what is wrong in it put right."""

from enum import StrEnum


class Form(StrEnum):
    """``published`` repeats the source; ``corrected`` differs as the docstring of the function says."""

    PUBLISHED = "published"
    CORRECTED = "corrected"
