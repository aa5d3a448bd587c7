"""Reading from threads: the lock, the memory zone, the limits, and what an error leaves behind."""

from __future__ import annotations

import random
import string
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from spacy.language import Language as Nlp
from spacy.pipeline import TrainablePipe

from service.errors import DeadlineExceeded, InvalidRequest, SettingsRefused
from service.language.nlp import Language, load_nlp
from service.language.text import prepare

TEXT = "When the till crashed, I opened a ledger, which let us serve everyone."


def seen(language: Language, text: str = TEXT) -> list[tuple[str, str, str]]:
    with language.reading(prepare(text)) as doc:
        return [(token.text, token.dep_, token.tag_) for token in doc]


def unseen_words(seed: int) -> Iterator[str]:
    generator = random.Random(seed)
    while True:
        yield "".join(generator.choices(string.ascii_lowercase, k=12))


def test_strings_do_not_grow_with_the_words_of_answers(language: Language) -> None:
    words = unseen_words(7)
    seen(language)
    before = len(language.nlp.vocab.strings)
    for _ in range(300):
        seen(language, f"I rang {next(words)} and they sent a {next(words)} to {next(words)}.")
    assert len(language.nlp.vocab.strings) == before
    assert next(words) not in language.nlp.vocab.strings


def test_no_lemma_of_a_strange_word_is_kept(language: Language) -> None:
    cache = language.nlp.get_pipe("lemmatizer").cache  # type: ignore[attr-defined]
    words = unseen_words(9)
    seen(language, "I rang the owners and they opened two doors.")
    before = len(cache)
    for _ in range(50):
        seen(language, f"I rang the {next(words)}s and they {next(words)}ed two doors.")
    assert len(cache) == before > 0
    assert "owner" in {form for forms in cache.values() for form in forms}


def test_an_error_inside_the_zone_leaves_it_usable(language: Language) -> None:
    expected = seen(language)
    before = len(language.nlp.vocab.strings)
    for word, _ in zip(unseen_words(8), range(20), strict=False):
        with pytest.raises(ArithmeticError), language.reading(prepare(f"I rang {word} twice.")):
            raise ArithmeticError
        assert seen(language) == expected
    assert len(language.nlp.vocab.strings) == before


def test_an_error_inside_a_component_leaves_it_usable(
    monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    expected = seen(language)
    with monkeypatch.context() as broken:
        broken.setattr("service.language.clauses.ClauseSegmenter._starts", lambda _self, _doc: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            seen(language)
    assert seen(language) == expected


def test_too_many_tokens_are_refused_before_they_are_parsed(language: Language) -> None:
    expected = seen(language)
    text = prepare("I rang. " * 100)
    with pytest.raises(InvalidRequest) as caught, language.reading(text, most_tokens=299):
        pytest.fail("it was read")
    assert caught.value.status == 413
    (problem,) = caught.value.problems
    assert (problem.pointer, problem.code) == ("/answer", "too_many_tokens")
    with language.reading(text, most_tokens=300) as doc:
        assert len(doc) == 300
    assert seen(language) == expected


def test_a_turn_that_comes_too_late_is_given_up(language: Language) -> None:
    expected = seen(language)
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with language.reading(prepare("I rang.")):
            holding.set()
            done.wait(10)

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)
    started = time.monotonic()
    try:
        with (
            pytest.raises(DeadlineExceeded),
            language.reading(prepare("I waited."), deadline=time.monotonic() + 0.1),
        ):
            pytest.fail("it was read")
        assert time.monotonic() - started < 5
        with (
            pytest.raises(DeadlineExceeded),
            language.reading(prepare("Past."), deadline=time.monotonic() - 1),
        ):
            pytest.fail("it was read")
    finally:
        done.set()
        thread.join()
    assert seen(language) == expected


def test_threads_see_what_one_thread_sees(language: Language) -> None:
    words = unseen_words(9)
    texts = [f"{TEXT} Then I rang {next(words)} and {next(words)} came." for _ in range(60)]
    alone = [seen(language, text) for text in texts]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda text: seen(language, text), texts)) == alone


def test_lines_of_the_answer_open_sentences(language: Language) -> None:
    with language.reading(prepare("rang the depot\ngot a van\n\nall done")) as doc:
        assert [sentence.text for sentence in doc.sents] == ["rang the depot", "got a van", "all done"]


def test_a_pipeline_that_is_not_there_is_named() -> None:
    with pytest.raises(SettingsRefused, match="'en_core_web_none' is not installed"):
        load_nlp("en_core_web_none")


def test_nothing_is_loaded_that_nobody_reads(nlp: Nlp) -> None:
    assert not {"ner", "senter"} & set(nlp.component_names)


def test_the_backend_is_numpys(language: Language) -> None:
    tok2vec = language.nlp.get_pipe("tok2vec")
    assert isinstance(tok2vec, TrainablePipe)
    assert type(tok2vec.model.ops).__name__ == "NumpyOps"
    assert not tok2vec.model.ops.use_blis


def test_words_of_a_fixed_list_are_kept_and_change_nothing(nlp: Nlp) -> None:
    language = Language(nlp)
    expected = seen(language, "I rang the quibblesome owner.")
    assert "quibblesome" not in nlp.vocab.strings
    language.keep(["quibblesome"])
    assert seen(language, "I rang the quibblesome owner.") == expected
    assert "quibblesome" in nlp.vocab.strings
