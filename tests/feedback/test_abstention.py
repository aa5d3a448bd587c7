"""What can't be judged is refused with its reason, and nothing else is."""

from __future__ import annotations

import pytest

from service.records import Answer
from service.reviewer import Reviewer
from training.splits import Split, read_split

QUESTION = "Tell me about a time you had to adapt to a big change at work."

REFUSED = {
    "nothing": ("", "empty"),
    "blanks": (" \n\t\u00a0 ", "empty"),
    "marks": ("?!... — !!! 😀😀😀", "empty"),
    "one word": ("Yes.", "empty"),
    "numbers": ("12 34 56 78 90 12", "empty"),
    "invisible": ("\u200b\u200b\u2060", "empty"),
    "keys": ("asdf jkl qwer uiop zxcv bnm asdf jkl wert yuio", "gibberish"),
    "one word again and again": ("banana " * 60, "gibberish"),
    "one phrase again and again": ("I am very good at it. " * 40, "gibberish"),
    "consonants": ("xkcd grmbl pfft brrr tskt hmph wqrt zzxx kjhg", "gibberish"),
    "German": (
        "Letztes Jahr hatten wir im Lager ein großes Problem mit der Lieferung. Ich habe sofort den Fahrer angerufen und "
        "eine neue Route gesucht, damit alle Kunden ihre Pakete noch am selben Tag bekommen konnten.",
        "not_english",
    ),
    "French": (
        "L'année dernière, notre magasin a perdu son plus gros client. J'ai appelé chaque fournisseur et j'ai proposé un "
        "nouveau contrat, ce qui nous a permis de retrouver nos ventes en trois mois.",
        "not_english",
    ),
    "Spanish": (
        "El año pasado nuestro restaurante perdió a dos cocineros en la misma semana. Yo organicé los turnos de nuevo y "
        "hablé con cada persona del equipo para que nadie trabajara más de diez horas.",
        "not_english",
    ),
    "Polish": (
        "W zeszłym roku mieliśmy w biurze duży problem z drukarką. Zadzwoniłam do serwisu i poprosiłam o szybką naprawę, "
        "a potem przygotowałam wszystkie dokumenty ręcznie, żeby zdążyć na czas.",
        "not_english",
    ),
    "Russian": (
        "В прошлом году у нас в магазине сломалась касса. Я сразу открыл бумажный журнал и записывал каждую продажу, "
        "чтобы очередь не остановилась, и к вечеру мы обслужили всех.",
        "not_english",
    ),
    "Chinese": (
        "去年 我们 商店 的 收银机 坏了 我 马上 打电话 给 供应商 然后 用 纸 记录 每 一笔 销售 结果 没有 顾客 需要 等待",
        "not_english",
    ),
    "the question": (QUESTION, "question_pasted"),
    "the question in other letters": (QUESTION.upper() + "?", "question_pasted"),
    "the question twice": (f"{QUESTION} {QUESTION}", "question_pasted"),
    "the question again and again": (f"{QUESTION} {QUESTION} {QUESTION}", "question_pasted"),
    "the question with a word before": (f"Okay: {QUESTION}", "question_pasted"),
}


@pytest.mark.parametrize(("text", "code"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_judged_is_refused_with_its_reason(text: str, code: str, reviewer: Reviewer) -> None:
    report = reviewer.review(Answer(text, question=QUESTION))
    assert report.abstention is not None
    assert report.abstention.code == code
    assert report.abstention.message
    assert report.score is None
    assert report.answer_kind is None
    assert (report.spans, report.findings, report.focus, dict(report.components)) == ((), (), (), {})


JUDGED = {
    "very short": "I rang the supplier and he came.",
    "three words": "I was promoted.",
    "a learner": (
        "In my last work I have one problem with customer. He is very angry because the room is not clean. I say sorry "
        "to him and I go clean by myself. After he is happy and he give me tip."
    ),
    "a learner, again": (
        "Before two year I working in hotel reception. One day come group of 30 people and we not have the reservation. "
        "I call other hotel, I ask for room, all people they sleep there. My boss he was say me thanks."
    ),
    "a transcript": (
        "um so yeah last year i think it was march our printer broke and i had to get the menus done so i called a shop "
        "and they printed them and nobody noticed"
    ),
    "notes": "Bakery 2021. Oven broke. Rang engineer, moved bread to school. Opened at 9.",
    "dialect": "Me and him was on nights, like, and the boiler went. I says to him, you mind the desk, I'll see to it.",
    "misspelt": "I was resposible for the hole warehose adn I orgnised evrything befor the dedline becuase nobody else wuold.",
    "names and numbers": "In Q3 2022 I moved 14 SQL databases from Oracle to Postgres at Siemens in Erlangen for Dr Kowalczyk.",
    "a quotation": "She said to me in French, je ne sais pas, and I said that we would find it together, and we did.",
    "shouting": "I TOLD THEM TWICE AND THEN I FIXED IT MYSELF AND IT WORKED!!!",
    "the question, then an answer": f"{QUESTION} Well, last year our office moved and I packed the archive and we opened on Monday.",
    "a question back": "Could I ask how the team works together and what you would want me to do first?",
    "a price": "Around 45,000 to 50,000 pounds.",
}


@pytest.mark.parametrize("text", JUDGED.values(), ids=JUDGED)
def test_real_english_is_judged(text: str, reviewer: Reviewer) -> None:
    assert reviewer.review(Answer(text, question=QUESTION)).abstention is None


def test_no_labelled_answer_is_refused(reviewer: Reviewer) -> None:
    """All were written as answers to their questions, also the bad ones."""
    for answer in read_split(Split.DEVELOPMENT)[::3]:
        report = reviewer.review(Answer(answer.text, question=answer.question))
        assert report.abstention is None, answer.id


def test_a_refusal_keeps_the_type_that_was_given_or_asked(reviewer: Reviewer) -> None:
    report = reviewer.review(Answer("", question=QUESTION))
    assert report.question_type.label in ("adapt_to_change", "behavioural")
    assert reviewer.review(Answer("")).question_type.label == "other"
