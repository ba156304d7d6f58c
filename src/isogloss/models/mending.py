"""Text from outside that could not be written to a file as it is."""


def mend_surrogates(text: str) -> str:
    """Join surrogate pairs, and replace a half one with U+FFFD.

    JSON may carry half a character ("\\ud83d") where some program cut a text; UTF-8 has no way to write it.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
