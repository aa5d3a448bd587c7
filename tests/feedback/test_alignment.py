"""Themes of a text about the role or company, and what an answer takes up of them."""

from __future__ import annotations

import random

import pytest

from service.errors import InvalidRequest
from service.feedback.alignment import Aligner
from service.language.nlp import Language
from service.language.text import prepare
from service.records import Alignment, Answer, Theme
from service.reviewer import Reviewer

WAREHOUSE = (
    "Warehouse Shift Supervisor, Leeds. We are looking for an experienced supervisor to lead our night shift of twelve "
    "pickers and packers at Brightwell Foods. You will plan staffing for each shift, keep stock records accurate and "
    "carry out weekly stock counts, train new starters in safe handling, and make sure that orders leave on time. Safety "
    "comes first here: you will run the safety briefing at the start of every shift and report accidents and near "
    "misses. You should be calm under pressure, good at scheduling and happy to drive a forklift. We offer a competitive "
    "salary, 25 days holiday and free parking. We are an equal opportunity employer."
)
NURSE = (
    "Registered Nurse, elderly care. St Mary's Home has been caring for older people in Cork since 1974. The home has 48 "
    "residents, many of them living with dementia. As a nurse on our day team you will plan and give care to residents, "
    "write care plans together with families, give medication, and look after wounds. You will supervise healthcare "
    "assistants and student nurses, and work with doctors and families. Residents and their families are at the heart of "
    "everything that we do; we value kindness, patience and honest communication. Experience with dementia is welcome."
)
ANSWER = (
    "Last winter at the depot our stock counts never agreed with the system. I had to find out why before the audit. I "
    "counted two aisles each night with the pickers, I wrote every difference down and I trained the new starters to "
    "scan each pallet. By March the records were right on ninety-eight lines of a hundred and nobody was hurt."
)
CARE = (
    "A daughter was angry that her father had fallen. I sat down with the family, I listened, and I rewrote his care "
    "plan with them that evening. I asked the physiotherapist to look at his shoes. He hasn't fallen since."
)
ALIGNER = Aligner()


def aligned(language: Language, context: str, answer: str) -> Alignment | None:
    text = prepare(context)
    with language.reading(text, parsed=False) as doc:
        themes = ALIGNER.themes(doc, text, context)
    said = prepare(answer)
    with language.reading(said) as doc:
        return ALIGNER.align(themes, doc, said)


def names(themes: tuple[Theme, ...]) -> set[str]:
    return {theme.name for theme in themes}


def test_themes_are_taken_up_or_left_out(language: Language) -> None:
    found = aligned(language, WAREHOUSE, ANSWER)
    assert found is not None
    assert {"stock", "records", "pickers"} <= names(found.taken_up)
    assert names(found.left_out) == {"shift", "safety"}
    nursing = aligned(language, NURSE, CARE)
    assert nursing is not None
    assert "families" in names(nursing.taken_up)
    assert {"residents", "dementia"} <= names(nursing.left_out)


@pytest.mark.parametrize(("context", "answer"), [(WAREHOUSE, ANSWER), (NURSE, CARE)])
def test_both_sides_are_shown_by_their_words(language: Language, context: str, answer: str) -> None:
    found = aligned(language, context, answer)
    assert found is not None
    for theme in (*found.taken_up, *found.left_out):
        assert 1 <= len(theme.context) <= 5
        assert context[theme.context[0].start : theme.context[0].end].lower() == theme.name
        for passage in theme.context:
            assert context[passage.start : passage.end].strip() == context[passage.start : passage.end] != ""
    for theme in found.taken_up:
        assert theme.answer
        said = [answer[passage.start : passage.end].lower() for passage in theme.answer]
        assert all(any(word[:4] == theme.name[:4] for word in words.split()) for words in said), said
    assert all(theme.answer == () for theme in found.left_out)


def test_other_forms_and_spellings_of_a_word_are_the_same_theme(language: Language) -> None:
    context = (
        "Scheduling is what we do all day. The scheduling team plans routes, calls drivers and paints in every "
        "colour. A planner schedules forty vans, answers drivers and schedules repairs. The colour of a route tells "
        "drivers which depot it leaves from. Routes change hourly, and a planner must love routes and love drivers."
    )
    for said in ("I made a schedule for us.", "I was scheduling it all.", "I scheduled the vans."):
        found = aligned(language, context, said)
        assert found is not None
        assert any(name.startswith("schedul") for name in names(found.taken_up)), said
    for said in ("I chose the color myself.", "I chose the colour myself."):
        found = aligned(language, context, said)
        assert found is not None
        assert "colour" in names(found.taken_up), said


def test_names_numbers_and_boilerplate_are_no_themes(language: Language) -> None:
    found = aligned(
        language, WAREHOUSE, "I work at Brightwell in Leeds on time for twelve days with a salary."
    )
    assert found is not None
    assert found.taken_up == ()
    said = {word for theme in (*found.taken_up, *found.left_out) for word in theme.name.split()}
    assert not said & {"brightwell", "leeds", "twelve", "salary", "employer", "opportunity", "holiday"}


@pytest.mark.parametrize(
    "context",
    [
        "",
        "We bake bread in Leeds.",
        "Equal opportunity employer. " * 5,
        "asdf qwer zxcv " * 30,
        "Nous cherchons une personne motivée pour notre équipe de vente dans le magasin de Lyon. " * 4,
        "🙂 " * 200,
    ],
)
def test_a_thin_or_foreign_context_is_met_with_silence(context: str, language: Language) -> None:
    assert aligned(language, context, ANSWER) is None


def test_only_what_is_said_more_than_once_is_missed(language: Language) -> None:
    words = "oven flour counter bicycle garden river window ladder hammer violin teapot carpet".split()
    context = "We need someone who knows about the " + ", and about the ".join(
        [*words, *("candle mirror".split())]
    )
    context += (
        ". They will mend the roof, sweep the yard, feed the horses, paint the fence and read the meters."
    )
    found = aligned(language, context, "I rang them and I waited.")
    assert found is None or found.left_out == ()


def test_a_theme_of_two_words_is_not_missed_where_one_of_them_is_said(language: Language) -> None:
    context = (
        "Fire safety matters on every site. The officer checks fire safety each morning, writes down what fire safety "
        "needs, and shows visitors where to gather. The officer talks to builders, walks the scaffolding and locks the "
        "gates. Nobody enters without boots, helmet and badge. Cranes, ladders and hoists are inspected every Friday."
    )
    for answer, taken, left in (
        ("We checked fire safety before lunch.", True, False),
        ("The safety in case of fire was mine.", True, False),
        ("There was a fire in the kitchen.", False, False),
        ("I rang them twice.", False, True),
    ):
        found = aligned(language, context, answer)
        assert found is not None
        assert ("fire safety" in names(found.taken_up)) is taken, answer
        assert ("fire safety" in names(found.left_out)) is left, answer


def test_alignment_moves_nothing_else(reviewer: Reviewer) -> None:
    question = "Tell me about a time you solved a problem."
    plain = reviewer.review(Answer(ANSWER, question=question))
    for context in (WAREHOUSE, NURSE, ANSWER * 3):
        given = reviewer.review(Answer(ANSWER, question=question, context=context))
        assert given.alignment is not None
        assert (given.score, given.findings, given.spans, given.focus) == (
            plain.score, plain.findings, plain.spans, plain.focus,
        )  # fmt: skip
    assert plain.alignment is None


def test_without_a_context_nothing_is_read_for_it(
    reviewer: Reviewer, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    reading = Language.reading

    def counted(self: Language, text: object, **options: object) -> object:
        read.append(str(options.get("field")))
        return reading(self, text, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Language, "reading", counted)
    for context in (None, "", " \n "):
        assert reviewer.review(Answer(ANSWER, context=context)).alignment is None
    assert "context" not in read
    reviewer.review(Answer(ANSWER, context=WAREHOUSE))
    assert "context" in read


def test_a_refused_answer_has_no_alignment(reviewer: Reviewer) -> None:
    report = reviewer.review(Answer("asdf jkl qwer uiop", context=WAREHOUSE))
    assert report.abstention is not None
    assert report.alignment is None


def test_a_context_of_too_many_tokens_is_refused_by_its_name(reviewer: Reviewer) -> None:
    with pytest.raises(InvalidRequest) as caught:
        reviewer.review(Answer(ANSWER, context="a-" * 10_000))
    assert caught.value.status == 413
    assert caught.value.problems[0].pointer == "/context"
    assert "context" in caught.value.detail


def test_alignment_is_the_same_whatever_came_before(reviewer: Reviewer) -> None:
    first = reviewer.review(Answer(ANSWER, context=WAREHOUSE)).alignment
    noise = random.Random(3)
    for context in (NURSE, " ".join(noise.sample(WAREHOUSE.split(), 60))):
        reviewer.review(Answer(CARE, context=context))
    assert reviewer.review(Answer(ANSWER, context=WAREHOUSE)).alignment == first
