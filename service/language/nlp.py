"""Loading spaCy, and using it safely from threads.

``nlp.memory_zone()`` frees what a text added to the vocabulary, and is not thread-safe: one lock per
process holds the zone, the spaCy call and everything that reads the ``Doc``. Nothing of a ``Doc`` may
leave :meth:`Language.reading`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import spacy
from spacy.language import Language as Nlp
from spacy.tokens import Doc
from thinc.api import NumpyOps, set_current_ops

from service.errors import DeadlineExceeded, InvalidRequest, Problem, SettingsRefused
from service.language.clauses import make_star_clauses  # noqa: F401  (registers the factory)
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
    """One spaCy pipeline, shared by the threads of a process."""

    def __init__(self, nlp: Nlp) -> None:
        self.nlp = nlp
        self._lock = threading.Lock()

    @contextmanager
    def reading(
        self,
        text: AnalysisText,
        *,
        deadline: float | None = None,
        most_tokens: int = 5_000,
        parsed: bool = True,
    ) -> Iterator[Doc]:
        """Yield the ``Doc`` of ``text``; it and all that is spaCy's dies with the block.

        ``deadline`` is a ``time.monotonic`` moment; raises ``DeadlineExceeded`` where the turn for
        this text does not come before it, and ``InvalidRequest`` (413) where it has too many tokens.
        Where only tags and lemmas are read, ``parsed=False`` leaves the parser and the clauses out.
        """
        timeout = -1 if deadline is None else max(0.0, deadline - time.monotonic())
        if not self._lock.acquire(timeout=timeout):
            raise DeadlineExceeded
        try:
            with self.nlp.memory_zone():
                doc = self.nlp.make_doc(text.text)
                if len(doc) > most_tokens:
                    raise too_many("tokens", most_tokens)
                doc.user_data[BREAKS] = text.breaks
                if parsed:
                    yield self.nlp(doc)
                else:
                    yield self._tagged(doc)
        finally:
            self._lock.release()

    def _tagged(self, doc: Doc) -> Doc:
        for name, component in self.nlp.pipeline:
            if name not in NEEDS_PARSE:
                doc = component(doc)
        return doc


def too_many(what: str, most: int) -> InvalidRequest:
    """Return the error for an answer with more ``what`` (tokens, sentences) than can be judged."""
    return InvalidRequest(
        413,
        f"the answer has more than {most} {what}",
        (Problem("/answer", f"too_many_{what}", f"at most {most} {what} can be judged at once"),),
    )
