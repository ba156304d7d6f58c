"""How a model's tokenizer cuts a language: tokens per character and word, and tokens without a whole character."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from isogloss.core import Language

Tokenizer = Callable[[str], Sequence[str]]
"""Text to the strings of its tokens, such as ``tokenizer.tokenize`` of a Hugging Face tokenizer."""

UNSPACED = frozenset({"Hans", "Hant", "Hani", "Jpan", "Thai", "Laoo", "Khmr", "Mymr", "Tibt"})
"""Scripts that do not put spaces between words."""

_BYTE_TOKEN = re.compile(r"<0x[0-9A-Fa-f]{2}>")
_UNKNOWN = frozenset({"<unk>", "[UNK]", "<|unk|>"})


def _byte_alphabet() -> dict[str, int]:
    """The letters with which byte-level tokenizers write bytes, as GPT-2 introduced them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    return {chr(byte): byte for byte in printable} | {chr(256 + i): byte for i, byte in enumerate(others)}


_BYTES = _byte_alphabet()


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """What was counted in the texts of one language.

    Attributes:
        tokens: tokens per text, by its key.
        characters: code points without white space, in all texts.
        words: stretches between white space, in all texts.
        broken: tokens that hold no whole character; None where the token strings do not tell.
    """

    tokens: dict[str, int]
    characters: int
    words: int
    broken: int | None

    def find(self, name: str, language: Language) -> tuple[float | None, str]:
        """A feature, or None and the reason why it is unknown."""
        total = sum(self.tokens.values())
        if not total or not self.characters:
            return None, "there are no texts to cut"
        match name:
            case "tokens_per_character":
                return total / self.characters, ""
            case "tokens_per_word" if language.script in UNSPACED:
                return None, f"the script {language.script} puts no spaces between words"
            case "tokens_per_word":
                return total / self.words, ""
            case _ if self.broken is None:
                return None, "the token strings do not spell the text, so pieces of characters cannot be told"
            case _:
                return self.broken / total, ""


def count_tokens(texts: Mapping[str, str], tokenize: Tokenizer) -> TokenCounts:
    """Count tokens, characters and words in the texts of one language.

    Texts are brought into composed form (NFC) first, so that two ways of storing an accent count alike.

    Args:
        texts: by key, such as the prompt id.
        tokenize: text to token strings.
    """
    plain = {key: unicodedata.normalize("NFC", text) for key, text in texts.items()}
    cut = {key: list(tokenize(text)) for key, text in plain.items()}
    broken = [count_broken(plain[key], tokens) for key, tokens in cut.items()]
    told = [count for count in broken if count is not None]
    return TokenCounts(
        tokens={key: len(tokens) for key, tokens in cut.items()},
        characters=sum(not letter.isspace() for text in plain.values() for letter in text),
        words=sum(len(text.split()) for text in plain.values()),
        broken=sum(told) if len(told) == len(broken) else None,
    )


def count_broken(text: str, tokens: Sequence[str]) -> int | None:
    """How many tokens hold no whole character: a single byte, a piece of a character, or the unknown token.

    Byte-level tokenizers write bytes in an alphabet of their own, others write ``<0xE1>`` for a byte; which one it is
    shows in whether the tokens spell the text. None where neither reading does.
    """
    pieces = [_read_bytes(token) for token in tokens]
    if all(piece is not None for piece in pieces):
        spelled = b"".join(piece for piece in pieces if piece is not None)
        if spelled.strip() == text.encode().strip():
            return sum(not _is_whole(piece) for piece in pieces if piece is not None)
    if _spell_plainly(tokens, text):
        return sum(_BYTE_TOKEN.fullmatch(token) is not None or token in _UNKNOWN for token in tokens)
    return None


def _read_bytes(token: str) -> bytes | None:
    """The bytes that a token of a byte-level tokenizer stands for; None where it is not written in its alphabet."""
    if any(letter not in _BYTES for letter in token):
        return None
    return bytes(_BYTES[letter] for letter in token)


def _is_whole(piece: bytes) -> bool:
    try:
        return bool(piece.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def _spell_plainly(tokens: Sequence[str], text: str) -> bool:
    """Whether pieces with ``▁`` or ``##`` marks spell the text, bytes and unknown tokens aside.

    Tokenizers change spaces and case on the way, so both are ignored; an unknown token may stand for anything.
    """
    spelled = bytearray()
    for token in tokens:
        if token in _UNKNOWN:
            return True
        if _BYTE_TOKEN.fullmatch(token):
            spelled.append(int(token[3:5], 16))
        else:
            spelled += token.removeprefix("##").replace("▁", " ").encode(errors="replace")
    try:
        read = spelled.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return _squeeze(read) == _squeeze(text)


def _squeeze(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())
