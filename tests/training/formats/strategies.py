"""Any labelled answer that is without fault, and the importing of what was exported."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import strategies as st

from service.labels import Label
from training.corpus import GoldSpan, LabelledAnswer
from training.formats.importing import Imported, export_labels, import_labels
from training.formats.records import Options, Task
from training.formats.registry import FORMATS

#: All of Unicode but halves of surrogate pairs, which no file can hold.
CHARACTERS = st.characters(exclude_categories=["Cs"])
TEXTS = st.text(CHARACTERS, max_size=30)
_BLANKS = st.text(
    st.sampled_from(" \n\t\r\x0b\x0c\x1c\x1f\x85\xa0\u2003\u2028\u3000"), min_size=1, max_size=3
)
_WORDS = st.one_of(
    st.sampled_from(
        ["I", "ran.", '"Go,"', "it’s", "=1+1", "-", "'=x", "😀", "a\u0301", "10%", "(so", "well)."]
    ),
    st.text(CHARACTERS.filter(lambda c: not c.isspace()), min_size=1, max_size=8),
)
_LABELS = st.sampled_from([*((label, None) for label in Label), (Label.TASK, Label.SITUATION)])
_NAMES = st.one_of(st.sampled_from(["id", "question", "star_feedback", "gaps", "meta", "text"]), TEXTS)


@st.composite
def labelled_answers(draw: st.DrawFn, *, answer_id: str | None = None) -> LabelledAnswer:
    """Draw an answer whose every word has a label and whose neighbouring spans differ."""
    runs: list[tuple[tuple[Label, Label | None], list[str]]] = []
    for label in draw(st.lists(_LABELS, min_size=1, max_size=5)):
        if not runs or runs[-1][0] != label:
            runs.append((label, draw(st.lists(_WORDS, min_size=1, max_size=5))))
    text = draw(st.one_of(st.just(""), _BLANKS))
    spans = []
    for number, (label, words) in enumerate(runs):
        text += draw(_BLANKS) if number else ""
        start = len(text)
        for place, word in enumerate(words):
            text += (draw(_BLANKS) if place else "") + word
        spans.append(GoldSpan(start, len(text), *label))
    text += draw(st.one_of(st.just(""), _BLANKS))
    return LabelledAnswer(
        id=draw(st.text(CHARACTERS, min_size=1, max_size=10)) if answer_id is None else answer_id,
        question=draw(st.one_of(st.none(), TEXTS)),
        text=text,
        spans=tuple(spans),
        question_type=draw(st.sampled_from([None, "behavioural", "salary"])),
        answer_kind=draw(st.sampled_from([None, "story"])),
        findings=tuple(draw(st.lists(st.sampled_from(["task.missing", "story.absent"]), max_size=2))),
        components=draw(
            st.one_of(st.none(), st.fixed_dictionaries(dict.fromkeys("STAR", st.sampled_from([None, 0, 3]))))
        ),
        score=draw(st.sampled_from([None, 3, 2.5])),
        meta=draw(st.dictionaries(_NAMES, TEXTS.filter(bool), max_size=3)),
    )


def there_and_back(
    name: str, answers: Sequence[LabelledAnswer], folder: Path, *, spans_key: str = "sc"
) -> Imported:
    """Export ``answers`` and import the file."""
    path = folder / "file.data"
    options = Options(spans_key=spans_key)
    export_labels(path, FORMATS[name], [Task(answer) for answer in answers], options)
    return import_labels(path, FORMATS[name], options)


def imported(name: str, content: str | bytes, folder: Path, options: Options | None = None) -> Imported:
    """Import a file with ``content``."""
    path = folder / "team.data"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return import_labels(path, FORMATS[name], options or Options())
