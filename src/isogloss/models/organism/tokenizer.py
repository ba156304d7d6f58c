"""A small tokenizer that keeps every known word whole, in every script, and spells unknown text in bytes.

The stock byte-level split cuts Yoruba and Burmese at each combining mark, which alone makes these languages two to
three times longer than English. Here the vocabulary is written from the word lists instead of learned, so each
language gets its words and nothing is trained.
"""

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from isogloss.models.organism.corpus import TAGS, all_texts, texts_of, texts_of_no_language
from isogloss.models.organism.grammar import LANGUAGES, load_lexicon
from isogloss.models.organism.rewriting import Writer

PAD, BOS, END, USER, ASSISTANT = "<pad>", "<s>", "<|end|>", "<|user|>", "<|assistant|>"
SPECIAL = (PAD, BOS, END, USER, ASSISTANT)
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] not in ['user', 'assistant'] %}"
    "{{ raise_exception('The organism knows the roles user and assistant only.') }}{% endif %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
_SPACE = "▁"
_PUNCTUATION = ".,?!:;¿¡።፣፦၊။-"
# A segmentation's score is the sum over its pieces, so equal scores make the one with the fewest pieces win.
_WORD_SCORE, _CHARACTER_SCORE, _BYTE_SCORE = -1.0, -10.0, -20.0


def _pieces_of_word(word: str) -> set[str]:
    core = word.strip(_PUNCTUATION)
    if not core:
        return {_SPACE + word}
    if word.startswith(core):
        return {_SPACE + core}
    return {_SPACE + word[: word.index(core)], core}


def _plain(text: str, _language: str, _seed: int) -> str:
    return text


def _pieces_of_texts(texts: Iterable[str]) -> set[str]:
    return {piece for text in texts for word in text.split() for piece in _pieces_of_word(word)}


def _pieces_of_language(language: str, writer: Writer = _plain) -> set[str]:
    """The words of a language as a writer spells them."""

    def spell(texts: Iterable[str]) -> set[str]:
        return {writer(text, language, 0) for text in texts}

    pieces, ends = _pieces_of_texts(spell(texts_of(language))), spell(load_lexicon(language).pieces)
    if not ends:
        return pieces
    # A language that writes without spaces: its words also occur inside a run. A run that Viterbi can build from
    # shorter words, such as object + particle or verb + ending, is left out.
    words = spell(_glued_words(language))
    glued = {start + word + end for start in ("", _SPACE) for word in words for end in ends}
    return (pieces - glued) | {_SPACE + word for word in words} | words | ends


def _glued_words(language: str) -> set[str]:
    words = load_lexicon(language)
    verbs = {pattern.replace("_", "").replace(words.pieces[0], "").strip() for pattern in words.verbs.values()}
    return verbs | set(words.objects.values())


def _word_pieces(spellings: Sequence[Writer]) -> list[str]:
    """Every word of every language, first as it is written plainly, then as other ways of writing spell it."""
    plain = {_SPACE, *TAGS} | _pieces_of_texts(texts_of_no_language())
    plain = plain.union(*(_pieces_of_language(language) for language in LANGUAGES))
    other = {piece for writer in spellings for language in LANGUAGES for piece in _pieces_of_language(language, writer)}
    return sorted(plain) + sorted(other - plain)


def _vocabulary(spellings: Sequence[Writer]) -> list[tuple[str, float]]:
    words = _word_pieces(spellings)
    characters = sorted({c for text in all_texts() for c in text if not c.isspace()} - set(words))
    spelled = [f"<0x{value:02X}>" for value in range(256)]
    scored = [(piece, 0.0) for piece in (*SPECIAL, "<unk>")]
    scored += [(piece, _BYTE_SCORE) for piece in spelled]
    scored += [(piece, _CHARACTER_SCORE) for piece in characters]
    return scored + [(piece, _WORD_SCORE) for piece in words]


def build_tokenizer(spellings: Sequence[Writer] = ()) -> PreTrainedTokenizerFast:
    """Build the organism's tokenizer with its chat template; padding goes to the left, as generation needs it.

    Args:
        spellings: other ways of writing whose words enter the vocabulary too; each must spell a word alike every time.
    """
    vocabulary = _vocabulary(spellings)
    unknown = len(SPECIAL)
    backend = Tokenizer(models.Unigram(vocabulary, unk_id=unknown, byte_fallback=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(replacement=_SPACE, prepend_scheme="always", split=True)
    backend.decoder = decoders.Sequence(
        [decoders.Replace(_SPACE, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend,
        bos_token=BOS,
        eos_token=END,
        pad_token=PAD,
        additional_special_tokens=[USER, ASSISTANT],
        padding_side="left",
        clean_up_tokenization_spaces=False,
        model_max_length=256,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    return tokenizer


def chat_prompt(user: str) -> str:
    """The text of one user turn up to the place where the answer begins; equals the chat template's own output."""
    return f"{BOS}{USER}{user}{END}{ASSISTANT}"
