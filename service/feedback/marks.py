"""Inline marks: labels written into an answer as it is written, ``[S] It was late, [A] so I …``."""

from __future__ import annotations

import re

from service.labels import Label

_LETTERS = {label.value[0]: label for label in Label}
_MARK = re.compile(r"\[([STARO])\] ?")


def split_marks(marked: str) -> tuple[str, tuple[tuple[int, int, Label], ...]]:
    """Return the plain text and the ``(start, end, label)`` of its spans, in code points.

    A mark and the one space after it are not part of the text; the white space before a mark belongs to
    neither span. Raises ``ValueError`` where the text does not open with a mark, where a mark has no words,
    or where two neighbours have the same label.
    """
    pieces = _MARK.split(marked)
    if pieces[0].strip() or len(pieces) < 3:
        raise ValueError("the answer must open with a mark such as [S]")
    text = ""
    spans: list[tuple[int, int, Label]] = []
    for letter, words in zip(pieces[1::2], pieces[2::2], strict=True):
        label = _LETTERS[letter]
        body = words.strip()
        if not body:
            raise ValueError(f"a mark [{letter}] has no words after it")
        if spans and spans[-1][2] is label:
            raise ValueError(f"two spans side by side are both [{letter}]: ...{body[:30]!r}; join them")
        if text and not text[-1].isspace():
            raise ValueError(f"the mark before {body[:30]!r} stands inside a word")
        start = len(text) + len(words) - len(words.lstrip())
        spans.append((start, start + len(body), label))
        text += words
    return text.rstrip(), tuple(spans)
