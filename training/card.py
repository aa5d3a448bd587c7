"""The model card, written from the run that made the model; nothing in it is typed by hand."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from training.corpus import LabelledAnswer
from training.describe import fill_tables
from training.fit import FitSettings, Fitted

HELD_OUT = "<!-- held-out figures -->"
JUDGED = "<!-- judged against readers -->"
#: Sections that commands fill, by the name of their marks.
CANDIDATES, ABLATIONS, RELIABILITY = "candidates", "ablations", "reliability"
FAIRNESS, GATE = "fairness", "gate"


def table(rows: Mapping[str, Mapping[str, object]]) -> str:
    """Return a Markdown table with one line for each row; columns are those of the first one."""
    if not rows:
        return "No figures.\n"
    columns = list(dict.fromkeys(column for row in rows.values() for column in row))
    lines = ["| | " + " | ".join(columns) + " |", "| --- |" + " --- |" * len(columns)]
    lines += [
        f"| {name} | " + " | ".join(str(row.get(c, "")) for c in columns) + " |" for name, row in rows.items()
    ]
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

**How it works.** Logistic regression over named clause features and those of the neighbours gives a first opinion.
{len(fitted.labeller.perceptrons)} small perceptrons see that opinion all over the answer (stacking: Cohen and Carvalho, 2005), and the clause
and its neighbours as points of {fitted.labeller.embedding.shape[1]} dimensions (latent semantic analysis: Deerwester and others, 1990). The answer is
then decoded as a whole; confidences are forward-backward marginals at temperature {fitted.labeller.temperature}.
{len(fitted.labeller.vocabulary):,} features, each seen in at least three answers, so that nobody's private word is in it.
Names and numbers are masked.

**Made by.** `{command}`

**Data.** {len(answers):,} labelled answers, {words:,} words, written for this project; see
`training/data/DATASHEET.md`.

**Settings.** {", ".join(f"{key} {getattr(settings, key)}" for key in settings.__dataclass_fields__)}

## Figures

By word over the labels that occur (macro_f1 is their mean), spans with at least half overlap both ways, absence
of a part, boundaries to the word. *cross-fitted*: the training answers, each labelled by a model that had not
seen its writing batch.

{table(figures)}
{HELD_OUT}
## Findings by trained opinion

Cross-fitted on the training answers: how often readers raise each (gold), how often the model does, and how often
it is right. One without a limit is never raised: its precision stays under 0.7, or it has too few examples.

{table(opinions)}
{_marks(ABLATIONS)}
{_marks(RELIABILITY)}
{_marks(CANDIDATES)}
{JUDGED}

## Limits

English only. The answers it learnt from were written for the purpose, so it has seen fewer ways of telling than
people have. It is surest on punctuated text; with speech-to-text its boundaries are coarser. TASK is the label
it misses most. Where confidence is low the reply says so.
"""


def add_held_out(card: Path, figures: Mapping[str, Mapping[str, object]]) -> None:
    """Put figures on answers that nobody trained on under their heading of the card."""
    _fill(
        card,
        HELD_OUT,
        "### On answers that were not trained on\n\nRows marked *bare* are the same answers lower-cased without "
        "punctuation, those marked with a mode the answers of that mode; *ece* is the expected calibration error by "
        f"clause.\n\n{table(figures)}",
    )


def add_ablations(card: Path, trained_on: str, figures: Mapping[str, Mapping[str, object]]) -> None:
    """Put the figures of the learner without its parts into the card."""
    _put(
        card,
        ABLATIONS,
        f"## What each part is worth\n\nThe same learner, fitted on {trained_on} without its copies. *without "
        "position*: neither the features of place nor those that mark the first and last clause; *without context*: "
        "each clause by itself, then decoded; *without decoding*: the likeliest label of each clause; *position only* "
        f"and *words only*: each clause by nothing else, without context or decoding.\n\n{table(figures)}",
    )


def add_reliability(card: Path, picture: str, errors: Mapping[str, Mapping[str, object]]) -> None:
    """Put the reliability curve, a picture beside the card, and the calibration errors into the card."""
    _put(
        card,
        RELIABILITY,
        "## Confidence\n\nThe confidence of clauses, in ten bins of equal count, against the share that is right; "
        f"*ece* is the mean distance of the two.\n\n![Reliability curve]({picture})\n\n{table(errors)}",
    )


def add_candidates(card: Path, answers: int, rows: Mapping[str, Mapping[str, object]]) -> None:
    """Put the comparison of learners into the card."""
    _put(
        card,
        CANDIDATES,
        f"## Learners compared\n\nOn {answers:,} training answers without their copies, each labelled by a learner "
        "that had not seen its fold of writing batches. *fit_s*: processor seconds to fit one fold; *predict_us*: microseconds "
        f"to label a clause.\n\n{table(rows)}",
    )


def add_fairness(
    card: Path,
    pairs: Mapping[str, Mapping[str, object]],
    groups: Mapping[str, Mapping[str, object]],
    changes: Mapping[str, Mapping[str, object]],
    dialects: Mapping[str, Mapping[str, object]],
    failing: Sequence[str],
) -> None:
    """Put the counterfactual pairs, the changes that must not matter, and every failing pair into the card."""
    listed = "\n".join(f"- {line}" for line in failing) or "None."
    _put(
        card,
        FAIRNESS,
        "## Who the speaker is\n\nThe same development answer with another name, town, age, faith and so on "
        "(`training/data/counterfactuals.toml`). A pair fails where the score moves by more than a point of 100, changes "
        f"its band of 20, or only one text is judged.\n\n{table(pairs)}\nWhat a group's word is worth against those "
        f"it was swapped for, in points, a mean:\n\n{table(groups)}\nOther changes, with the limits of "
        f"`training/robustness.py`; *outside*: answers that break what one answer may do.\n\n{table(changes)}\n"
        "The same answer in another English (`training/data/dialects.toml`, written for the project and not reviewed by "
        "speakers): the mean change of the score in points with its 95 % interval (bootstrap):\n\n"
        f"{table(dialects)}\n"
        f"Every pair that fails, by the answer's id, with both scores:\n\n{listed}\n",
    )


def add_gate(card: Path, against: str, rows: Mapping[str, Mapping[str, object]], verdict: str) -> None:
    """Put the comparison with the model that was current, and what came of it, into the card."""
    _put(
        card,
        GATE,
        f"## Against {against}\n\nPaired bootstrap by answer; *low* and *high* hold nine tenths of the samples, *sure* "
        f"is the share of them in which the new model is better. Margins: `training/gate.toml`.\n\n{table(rows)}\n"
        f"{verdict}\n",
    )


def _marks(name: str) -> str:
    return f"<!-- {name} -->\n<!-- /{name} -->"


def _put(card: Path, name: str, text: str) -> None:
    """Put ``text`` between the marks of ``name``; a card without them gets them at its end."""
    content = card.read_text(encoding="utf-8")
    if f"<!-- {name} -->" not in content:
        card.write_text(f"{content.rstrip()}\n\n{_marks(name)}\n", encoding="utf-8")
    fill_tables(card, {name: text})


def add_judgement(
    card: Path, name: str, row: Mapping[str, object], findings: Mapping[str, Mapping[str, object]]
) -> None:
    """Put the comparison with readers under its heading of the card."""
    _fill(
        card,
        JUDGED,
        f"## Judged against readers: {name}\n\n{table({name: row})}\n{table(findings)}",
        keep=f"## Judged against readers: {name}",
    )


def _fill(card: Path, mark: str, text: str, *, keep: str = "") -> None:
    """Write ``text`` behind ``mark``; a text that opens alike is replaced."""
    content = card.read_text(encoding="utf-8")
    before, _, after = content.partition(mark)
    opening = keep or text.partition("\n")[0]
    blocks = re.split(rf"(?=^{re.escape(opening)}$)", after, flags=re.MULTILINE)
    if len(blocks) > 1:
        rest = re.split(r"(?=^## )", blocks[1][len(opening) :], maxsplit=1, flags=re.MULTILINE)
        after = blocks[0] + (rest[1] if len(rest) > 1 else "")
    card.write_text(f"{before}{mark}\n\n{text}\n{after.lstrip()}", encoding="utf-8")
