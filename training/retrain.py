"""From own labelled answers to a model folder built on another one: check, split, fit, measure, draw, write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spacy.language import Language as Nlp

from service.errors import StarFeedbackError
from service.feedback.catalogue import known_findings, load_catalogue
from service.feedback.reading import Limits
from service.labels import Label
from service.language.ends import SentenceEnds
from service.language.labeller import Labeller
from service.language.model_folder import SENTENCE_ENDS, Model
from service.language.nlp import Language
from service.records import LabelledSpan
from training.adapt import Adapted, adapt, growth, without_folds
from training.card import table
from training.corpus import LabelledAnswer, word_labels
from training.errors import compare_all
from training.evaluate import figures, labels_in_use, paired_words, predict_spans
from training.fit import FitSettings, Fitted
from training.folder import data_hash, write_model
from training.gate import OwnPart, count_words, written_counts
from training.own_data import OwnData, OwnLimits, disagreements, refusals, split_own, writers_of
from training.pictures import BY_GROUP, CONFUSION, GROWTH, draw_confusions, draw_groups, draw_growth
from training.prepare import PreparedAnswer, copies, prepared
from training.reliability import RELIABILITY_CURVE, calibration_error, reliability
from training.reliability import draw as draw_reliability
from training.shipped import CACHE, Corpus, shipped

#: Steps that are announced.
STEPS = (
    "own answers",
    "the corpus",
    "weights",
    "both steps on everything",
    "own answers unseen",
    "figures and pictures",
)
#: What the two sets are called that figures are taken on.
HELD_OUT, FROZEN = "own held-out", "frozen test"
#: … and all own answers, each labelled by a model that had not seen it.
UNSEEN = "own unseen"
Progress = Callable[[str], None]


class DataRefused(StarFeedbackError):
    """Own data that nothing should be learnt from; every reason on a line of its own."""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("the data is refused:\n" + "\n".join(reasons))
        self.reasons = tuple(reasons)


@dataclass(frozen=True, slots=True)
class Retrained:
    """What a run made: its figures by model and data set, and the weight of the own answers."""

    rows: Mapping[str, Mapping[str, object]]
    weight: float
    fit: int
    held_out: int


def checked_own(
    answers: Sequence[LabelledAnswer], limits: OwnLimits, known: frozenset[str], corpus: Corpus
) -> OwnData:
    """Return own answers, split; raises ``DataRefused`` where something is wrong with them."""
    data = split_own(answers)
    reasons = refusals(data, limits, known_findings=known, frozen=corpus.frozen, corpus=corpus.answers)
    if reasons:
        raise DataRefused(reasons)
    return data


def checked_again(
    answers: Sequence[LabelledAnswer],
    own: OwnPart,
    present: Model,
    nlp: Nlp,
    corpus: Corpus,
    limits: OwnLimits,
) -> OwnData:
    """Return the own answers that a model was made of, split as they were then.

    Raises ``DataRefused`` where they are not the same, or where they would be refused now: the limits or the present
    model may have changed.
    """
    if data_hash(answers) != own.sha256:
        raise DataRefused(["it is not what the model was made of; name that with --data, or train anew"])
    data = checked_own(answers, limits, known_findings(load_catalogue()), corpus)
    language = Language(nlp, SentenceEnds(present.heads[SENTENCE_ENDS]))
    now = agreement_with(present.labeller, list(prepared(data.answers, language)))
    reasons = disagreements({**own.agreement, "base": now}, limits)
    if reasons:
        raise DataRefused(reasons)
    return data


def agreement_with(labeller: Labeller, items: Sequence[PreparedAnswer]) -> float:
    """Return the share of words to which ``labeller`` gives their gold label."""
    right = total = 0
    for item in items:
        gold, seen = paired_words(item.answer, predict_spans(labeller, item))
        right += sum(one is other for one, other in zip(gold, seen, strict=True))
        total += len(gold)
    return right / max(1, total)


def retrain(
    answers: Sequence[LabelledAnswer],
    base: Model,
    nlp: Nlp,
    corpus: Corpus,
    out: Path,
    *,
    limits: OwnLimits,
    files: Sequence[str],
    command: str,
    cache: Path = CACHE,
    progress: Progress = lambda _: None,
) -> Retrained:
    """Fit ``answers`` together with ``corpus``, starting from ``base``, and write the model folder ``out``.

    ``files`` are the names of the data as they were given, for the manifest and the gate. Raises ``DataRefused``.
    """
    data = checked_own(answers, limits, known_findings(load_catalogue()), corpus)
    settings = FitSettings(**base.manifest["settings"])  # type: ignore[arg-type]
    language = Language(nlp, SentenceEnds(base.heads[SENTENCE_ENDS]))
    progress(STEPS[0])
    own, held_out = (list(prepared(part, language)) for part in (data.fit, data.held_out))
    own_copies = copies(own, language)
    progress(STEPS[1])
    known = shipped(corpus, base, language, settings, cache=cache, progress=progress)
    adapted = adapt(
        base.labeller, known, own, own_copies, settings=settings, group=data.group, progress=progress
    )
    agreements = {
        "base": agreement_with(base.labeller, [*own, *held_out]),
        "cross_fitted": adapted.chosen.agreement,
        "corpus": adapted.corpus_agreement,
    }
    reasons = disagreements(agreements, limits)
    if reasons:
        raise DataRefused(reasons)
    progress(STEPS[4])
    unseen = _unseen(adapted, base.labeller, settings, own, held_out)
    progress(STEPS[5])
    sets = {HELD_OUT: held_out, FROZEN: list(known.frozen)}
    rows = {
        f"{name}, {part}": _row(labeller, items)
        for part, items in sets.items()
        for name, labeller in ((base.name, base.labeller), (out.name, adapted.labeller))
    }
    everyone = sorted((*own, *held_out), key=lambda item: item.answer.id)
    rows = {
        f"{base.name}, {UNSEEN}": _row(base.labeller, everyone),
        f"{out.name}, {UNSEEN}": _figures(
            [item.answer for item in everyone], [unseen[item.answer.id] for item in everyone]
        ),
        **rows,
    }
    curve = _curve(adapted, base, out.name, settings, sets, rows)
    fitted = Fitted(
        adapted.labeller,
        base.heads,
        (),
        {name: Limits(*pair) for name, pair in base.limits.items()},
    )
    write_model(
        out,
        fitted,
        nlp=nlp,
        answers=[*corpus.answers, *data.fit],
        settings=settings,
        figures=rows,
        card=own_card(out.name, base, data, adapted, agreements, rows, curve, command),
        own={
            "base": f"{base.name}+{base.version}",
            "files": list(files),
            "sha256": data_hash(data.answers),
            "answers": len(data.answers),
            "held_out": len(data.held_out),
            "weight": adapted.chosen.weight,
            "agreement": {name: round(value, 3) for name, value in agreements.items()},
            "unseen": written_counts([count_words(item.answer, unseen[item.answer.id]) for item in everyone]),
        },
    )
    _draw(adapted.labeller, sets, curve, out)
    return Retrained(rows, adapted.chosen.weight, len(data.fit), len(data.held_out))


def macro_f1(labeller: Labeller, items: Sequence[PreparedAnswer]) -> float:
    """Return the word macro-F1 over the labels that occur in ``items``."""
    answers = [item.answer for item in items]
    return figures(answers, [predict_spans(labeller, item) for item in items], labels_in_use(answers)).macro


def _unseen(
    adapted: Adapted,
    base: Labeller,
    settings: FitSettings,
    own: Sequence[PreparedAnswer],
    held_out: Sequence[PreparedAnswer],
) -> dict[str, tuple[LabelledSpan, ...]]:
    """Return what is made of each own answer, by its id, without having been fitted on it."""
    of_fold = without_folds(adapted, base, settings=settings)
    return {
        **{item.answer.id: predict_spans(of_fold[adapted.folds[item.answer.id]], item) for item in own},
        **{item.answer.id: predict_spans(adapted.labeller, item) for item in held_out},
    }


def _row(labeller: Labeller, items: Sequence[PreparedAnswer]) -> dict[str, object]:
    row = _figures([item.answer for item in items], [predict_spans(labeller, item) for item in items])
    return {**row, "ece": calibration_error(labeller, items)}


def _figures(answers: Sequence[LabelledAnswer], seen: Sequence[Sequence[LabelledSpan]]) -> dict[str, object]:
    return dict(figures(answers, seen, labels_in_use(answers)).as_row())


def _curve(
    adapted: Adapted,
    base: Model,
    name: str,
    settings: FitSettings,
    sets: Mapping[str, Sequence[PreparedAnswer]],
    rows: Mapping[str, Mapping[str, object]],
) -> dict[str, dict[str, float]]:
    """Return the word macro-F1 on each set by the number of own answers; its ends stand in ``rows`` already."""
    ends = {0: base.name, len(set(adapted.ranks.values())): name}
    return {
        str(size): {
            part: float(str(rows[f"{ends[size]}, {part}"]["macro_f1"]))
            if size in ends
            else round(macro_f1(labeller, items), 3)
            for part, items in sets.items()
        }
        for size, labeller in growth(adapted, base.labeller, settings=settings).items()
    }


def _draw(
    labeller: Labeller,
    sets: Mapping[str, Sequence[PreparedAnswer]],
    curve: Mapping[str, Mapping[str, float]],
    folder: Path,
) -> None:
    compared = {name: compare_all(labeller, items) for name, items in sets.items()}
    draw_confusions(compared, folder / CONFUSION)
    draw_groups(compared, folder / BY_GROUP)
    draw_growth(curve, folder / GROWTH)
    draw_reliability(
        {name: reliability(labeller, items) for name, items in sets.items()}, folder / RELIABILITY_CURVE
    )


def own_card(
    name: str,
    base: Model,
    data: OwnData,
    adapted: Adapted,
    agreements: Mapping[str, float],
    rows: Mapping[str, Mapping[str, object]],
    curve: Mapping[str, Mapping[str, float]],
    command: str,
) -> str:
    """Return the card of a model built on ``base``, as Markdown; nothing in it is typed by hand."""
    words = sum(len(answer.text.split()) for answer in data.answers)
    counts = Counter(
        label for a in data.answers for _, _, label in word_labels(a.text, a.spans) if label is not None
    )
    labels = {label.value: {"words": counts[label]} for label in Label}
    key, writers = writers_of(data.answers)
    by = f"{len(writers)} by the name of `{key}`" if key else "the data does not say"
    tried = {
        f"{trial.weight:g}": {
            "loss": round(trial.loss, 4),
            "standard_error": round(trial.error, 4),
            "agreement": round(trial.agreement, 3),
        }
        for trial in adapted.trials
    }
    return f"""# Model card: {name}

**What it is.** {base.name} ({base.version}), fitted anew with own labelled answers added to the shipped corpus. Its
labeller is new; the heads over whole answers, the opinions, the sentence ends and the temperature of its confidences
are those of {base.name}, whose card says what they are worth.

**What it is for.** Feedback for practice. A person decides. It is not made for selecting candidates, and no
figure here shows that it could be.

**Made by.** `{command}`

**Own data.** {len(data.answers):,} answers, {words:,} words; {len(data.fit):,} were fitted on, {len(data.held_out):,} held
out, near-duplicates on one side. Who labelled them: {by}. A feature is kept only where three answers have it, so that
nobody's private word is in the model.

{table(labels)}
**Weight.** An own answer counts {adapted.chosen.weight:g} where one of the corpus counts 1. It is the smallest whose loss is
within one standard error of the best, by the first step on folds of the own answers that it had not seen:

{table(tried)}
**Agreement.** {base.name} gives {agreements["base"]:.1%} of the own words the label that they have; a first step that was
fitted on the other folds {agreements["cross_fitted"]:.1%}; on the shipped corpus that is {agreements["corpus"]:.1%}.

## Figures

By word over the labels that occur (macro_f1 is their mean), spans with at least half overlap both ways, absence of a
part, boundaries to the word, expected calibration error by clause. The frozen test part trained neither model. *own unseen*
are all own answers, the held-out ones labelled by this model and each other one by a model like it that was fitted
without its third of them.

{table(rows)}
![Confusions]({CONFUSION})

![By mode, kind and question type]({BY_GROUP})

## As own answers grow

Word macro-F1 with so many own answers beside the corpus; 0 is {base.name}.

{table(curve)}
![Learning curve of the own data]({GROWTH})

## Confidence

![Reliability curve]({RELIABILITY_CURVE})

<!-- gate -->
<!-- /gate -->
<!-- fairness -->
<!-- /fairness -->
"""
