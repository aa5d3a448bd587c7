"""spaCy's ``DocBin``: labelled spans in ``doc.spans[key]``, what is ours of the answer in ``doc.user_data["meta"]``."""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from training.formats.fields import answer_of, meta_of
from training.formats.records import Entry, ForeignSpan, Format, Item, Options, Refused, Task, UnreadableData
from training.formats.tokens import token_spans, tokenized

_META = "meta"


def _read(path: Path, options: Options) -> Iterator[Entry]:
    docs = _docs(path)
    keys = sorted({key for doc in docs for key in doc.spans})
    if docs and options.spans_key not in keys:
        there = f"there are {', '.join(keys)}" if keys else "there are no spans at all"
        raise UnreadableData(
            f"{path}: no document has spans[{options.spans_key!r}]; {there}; use --spans-key"
        )
    for number, doc in enumerate(docs, start=1):
        yield _entry(number, doc, f"{path.stem}-{number}", options.spans_key)


def _docs(path: Path) -> list[Doc]:
    try:
        return list(DocBin().from_bytes(path.read_bytes()).get_docs(Vocab()))
    except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise UnreadableData(
            f"{path}: this is no DocBin ({type(error).__name__}); write it with DocBin.to_disk"
        ) from None


def _entry(number: int, doc: Doc, default_id: str, spans_key: str) -> Entry:
    meta = doc.user_data.get(_META)
    given = doc.spans.get(spans_key, ())
    strings = doc.vocab.strings
    names = [span.label_ if span.label in strings else "" for span in given]
    spans = tuple(
        ForeignSpan(span.start_char, span.end_char, name) for span, name in zip(given, names, strict=True)
    )
    source = {"text": doc.text, "spans": [[span.start, span.end, span.label] for span in spans], "meta": meta}
    try:
        answer = answer_of(doc.text, meta if isinstance(meta, dict) else {}, default_id=default_id)
    except ValueError as error:
        return Refused(number, default_id, (str(error),), source)
    return Item(number, answer, spans, source)


def _write(path: Path, tasks: Sequence[Task], options: Options) -> None:
    bin_of_docs = DocBin(store_user_data=True)
    for task in tasks:
        doc = tokenized(task.answer.text)
        doc.spans[options.spans_key] = token_spans(doc, task)
        doc.user_data[_META] = meta_of(task.answer)
        bin_of_docs.add(doc)
    path.write_bytes(bin_of_docs.to_bytes())


DOCBIN = Format("docbin", _read, _write)
