import pytest

from isogloss.survey.latex import latex_to_text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            r"Se{\~n}or, {\'e}t\'{e}, \c{c}a, Erd\H{o}s, \v{S}koda, na{\"\i}ve, \^{\i}le",
            "Señor, été, ça, Erdős, Škoda, naïve, île",
        ),
        (r"{\L}ukasz {\O}re {\ss} {\AA} {\ae}", "Łukasz Øre ß Å æ"),
        (r"Garc{\'\i}a, Nguy{\~{\^e}}n", "García, Nguyễn"),
        (r"100\% \& \$5 \_ \# \{x\}", "100% & $5 _ # {x}"),
        (r"\textit{Safe} {GPT}-4 \emph{now}", "Safe GPT-4 now"),
        (r"pp. 1--5 --- ``q''", "pp. 1–5 — “q”"),
        (r"$\alpha_{1}$ and \textbf{bold}", r"$\alpha_{1}$ and bold"),
        ("a~b\n  c", "a b c"),
        ("{{Double}} braces", "Double braces"),
        ("plain", "plain"),
    ],
)
def test_latex_becomes_plain_text(source, text):
    assert latex_to_text(source) == text
