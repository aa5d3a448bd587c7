"""Loading spaCy, and using it safely from threads.

``nlp.memory_zone()`` frees what a text added to the vocabulary, and is not thread-safe: one lock per
process holds the zone, the spaCy call and everything that reads the ``Doc``. Nothing of a ``Doc`` may
leave :meth:`Language.reading`.
"""

from __future__ import annotations

import copy
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import spacy
from spacy.language import Language as Nlp
from spacy.pipeline import AttributeRuler
from spacy.tokens import Doc
from thinc.api import NumpyOps, set_current_ops

from service.errors import DeadlineExceeded, InvalidRequest, Problem, SettingsRefused
from service.language.attributes import AttributeRules
from service.language.clauses import make_star_clauses  # noqa: F401  (registers the factory)
from service.language.ends import SentenceEnds
from service.language.text import AnalysisText

#: Components of the English pipeline that nothing here reads.
UNUSED = ("ner", "senter")
#: Components that a text without clauses, such as a question, does not need.
NEEDS_PARSE = ("line_breaks", "parser", "star_clauses")
#: ``doc.user_data`` key of the token offsets at which a line of the given text opens.
BREAKS = "line_breaks"


@Nlp.component("line_breaks", assigns=["token.is_sent_start"])
def line_breaks(doc: Doc) -> Doc:
    """Begin a sentence wherever the given text began a line; the parser keeps to it."""
    breaks = doc.user_data.get(BREAKS)
    if breaks:
        for token in doc:
            if token.idx in breaks:
                token.is_sent_start = True
    return doc


def load_nlp(name: str) -> Nlp:
    """Load the English pipeline ``name`` with the components in use, and the clause segmenter.

    NumPy's matrix product replaces blis, whose wheels lack kernels for newer processors.
    Raises ``SettingsRefused`` where no such package is installed; nothing is ever downloaded.
    """
    set_current_ops(NumpyOps(use_blis=False))
    try:
        nlp = spacy.load(name, exclude=UNUSED)
    except OSError as error:
        raise SettingsRefused(
            f"the spaCy pipeline {name!r} is not installed; run 'make setup', or name another one"
        ) from error
    nlp.add_pipe("line_breaks", before="parser")
    nlp.add_pipe("star_clauses", last=True)
    return nlp


class Language:
    """One spaCy pipeline, shared by the threads of a process.

    ``ends`` finds the sentences of text without punctuation; without it the parser is left to guess.
    """

    def __init__(self, nlp: Nlp, ends: SentenceEnds | None = None) -> None:
        self.nlp = nlp
        self._ends = ends
        self._lock = threading.Lock()
        self._lemmas: dict[tuple[int, ...], list[str]] = nlp.get_pipe("lemmatizer").cache  # type: ignore[attr-defined]
        self._in_use = [
            (name, AttributeRules(pipe) if isinstance(pipe, AttributeRuler) else pipe)
            for name, pipe in nlp.pipeline
        ]

    def with_ends(self, ends: SentenceEnds) -> Language:
        """Return the same pipeline with other ``ends``; the two take turns, so that both may be in use."""
        other = copy.copy(self)
        other._ends = ends
        return other

    def keep(self, words: Iterable[str]) -> None:
        """Let spaCy know ``words`` for good, and how they are tokenised; the zone of a text forgets what is new in it.

        Only for words of a fixed list, never for those of an answer.
        """
        with self._lock:
            for word in words:
                self.nlp.tokenizer(word)

    @contextmanager
    def reading(
        self,
        text: AnalysisText,
        *,
        deadline: float | None = None,
        most_tokens: int = 5_000,
        parsed: bool = True,
        field: str = "answer",
    ) -> Iterator[Doc]:
        """Yield the ``Doc`` of ``text``; it and all that is spaCy's dies with the block.

        ``deadline`` is a ``time.monotonic`` moment; raises ``DeadlineExceeded`` where the turn for
        this text does not come before it, and ``InvalidRequest`` (413) where it has too many tokens.
        Where only tags and lemmas are read, ``parsed=False`` leaves the parser and the clauses out. ``field``
        is the field of the request that the error names.
        """
        timeout = -1 if deadline is None else max(0.0, deadline - time.monotonic())
        if not self._lock.acquire(timeout=timeout):
            raise DeadlineExceeded
        lemmas = len(self._lemmas)
        try:
            with self.nlp.memory_zone():
                doc = self.nlp.make_doc(text.text)
                if len(doc) > most_tokens:
                    raise too_many("tokens", most_tokens, field)
                doc.user_data[BREAKS] = text.breaks
                yield self._read(doc, parsed=parsed)
        finally:
            self._forget_lemmas(lemmas)
            self._lock.release()

    def _forget_lemmas(self, before: int) -> None:
        """Take what a text added to the lemmatizer's cache out again, but for words that spaCy knows for good.

        The cache is not part of the memory zone: it would keep the words of every answer, and grow without end.
        """
        added = [self._lemmas.popitem() for _ in range(len(self._lemmas) - before)]
        known = self.nlp.vocab.strings
        self._lemmas.update((key, forms) for key, forms in added if key[0] in known)  # type: ignore[operator]

    def _read(self, doc: Doc, *, parsed: bool) -> Doc:
        for name, component in self._in_use:
            if name == "parser" and parsed and self._ends is not None:
                self._ends.mark(doc)
            if parsed or name not in NEEDS_PARSE:
                doc = component(doc)
        return doc


def too_many(what: str, most: int, field: str = "answer") -> InvalidRequest:
    """Return the error for a ``field`` with more ``what`` (tokens, sentences) than can be judged."""
    return InvalidRequest(
        413,
        f"the {field} has more than {most} {what}",
        (Problem(f"/{field}", f"too_many_{what}", f"at most {most} {what} can be judged at once"),),
    )
