"""The model card, written from the run that made the model; nothing in it is typed by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from training.corpus import LabelledAnswer
from training.fit import Fitted, FitSettings


def table(rows: Mapping[str, Mapping[str, object]]) -> str:
    """Return a Markdown table with one line for each row; columns are those of the first one."""
    if not rows:
        return "No figures.\n"
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    lines += [f"| {name} | " + " | ".join(str(row.get(c, "")) for c in columns) + " |" for name, row in rows.items()]
    return "\n".join(lines) + "\n"


def model_card(
    name: str,
    fitted: Fitted,
    *,
    answers: Sequence[LabelledAnswer],
    settings: FitSettings,
    figures: Mapping[str, Mapping[str, object]],
    opinions: Mapping[str, Mapping[str, object]],
    command: str,
) -> str:
    """Return the card of a model as Markdown."""
    words = sum(len(answer.text.split()) for answer in answers)
    return f"""# Model card: {name}

**What it is.** Labels the clauses of an interview answer as SITUATION, TASK, ACTION, RESULT or OTHER, and says
of the whole answer how it is told and what sort of question it replies to.

**What it is for.** Feedback for practice. A person decides. It is not made for selecting candidates, and no
figure here shows that it could be.

**How it works.** Logistic regression over named clause features and those of the neighbours, stacked once
(Cohen and Carvalho, 2005), then decoded over the whole answer; confidences are forward-backward marginals at
temperature {fitted.labeller.temperature}. {len(fitted.labeller.vocabulary):,} features, each seen in at least
three answers, so that nobody's private word is in it. Names and numbers are masked.

**Made by.** `{command}`

**Data.** {len(answers):,} labelled answers, {words:,} words, written for this project; see
`training/data/DATASHEET.md`.

**Settings.** {", ".join(f"{key} {getattr(settings, key)}" for key in settings.__dataclass_fields__)}

## Figures

By word over five labels (macro_f1 is their mean), spans with at least half overlap both ways, absence of a
part, boundaries to the word. No answer in these rows was trained on. Rows marked *bare* are the same answers
lower-cased without punctuation; *position only* and *words only* are the same learner seeing nothing else,
without context or decoding.

{table(figures)}
## Findings by trained opinion

Cross-fitted on the training answers: how often readers raise each (gold), how often the model does, and how often
it is right. One without a limit is never raised: its precision stays under 0.7, or it has too few examples.

{table(opinions)}
## Limits

English only. The answers it learnt from were written for the purpose, so it has seen fewer ways of telling than
people have. It is surest on punctuated text; with speech-to-text its boundaries are coarser. TASK is the label
it misses most. Where confidence is low the reply says so.
"""
