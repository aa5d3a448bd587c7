"""Documents parsed by hand, so that a test says itself what the parser saw."""

from __future__ import annotations

import spacy
from spacy.tokens import Doc

#: The words of English and their lower case, without any model.
VOCAB = spacy.blank("en").vocab


def parsed(lines: str) -> Doc:
    """Return the document of ``lines``: one ``word POS TAG head dep`` each, the head's number within its sentence.

    A blank line ends a sentence. The lemma may stand sixth; without it the word is its own.
    """
    rows: list[list[str]] = []
    heads: list[int] = []
    for sentence in lines.strip().split("\n\n"):
        first = len(rows)
        for line in sentence.strip().splitlines():
            row = line.split()
            rows.append(row)
            heads.append(first + int(row[3]))
    return Doc(
        VOCAB,
        words=[row[0] for row in rows],
        pos=[row[1] for row in rows],
        tags=[row[2] for row in rows],
        heads=heads,
        deps=[row[4] for row in rows],
        lemmas=[row[5] if len(row) > 5 else row[0].lower() for row in rows],
    )
