"""When an answer can't be judged: no words, no sense, not English, or only the question again.

Such an answer gets a reason and nothing else. The limits are set so that short, clumsy or dialect English
passes: it takes most words being unknown to be refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Container

from service.records import Abstention, Answer

_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
#: The commonest English function words; in English text of any register they are a third of the words or more.
FUNCTION_WORDS = frozenset(
    """the be to of and a in that have i it for not on with he as you do at this but his by from they we say
    her she or an will my one all would there their what so up out if about who get which go me when make can
    like no just him know take into your some could them see other than then now only come its over also
    after use how our well because these us is was are were been had has did does am im don't i'm it's that's
    not more very very too were where while before any every each few both off down again why here""".split()
)
QUESTION_PASTED = Abstention("question_pasted", "This is the question again. Write your answer to it.")
NOT_ENGLISH = Abstention("not_english", "Only answers in English can be judged.")
ONLY_A_LIST = Abstention("gibberish", "This is a list of words. Write in sentences what you would say.")
_NOT_PROSE = Abstention("gibberish", "This is not a text in sentences. Write what you would say.")
_LEAST_WORDS = 3
#: Marks of code and mark-up, and the share of all characters from which on they make a text one (answers: 3 % at most).
_CODE_MARKS = frozenset("{}[]<>()=;_\\|&*#$/")
_CODE_SHARE = 0.04
#: From this share of words with letters that English lacks a text with unknown words is of another language.
_ACCENTED_SHARE = 0.1
_KNOWN_IN_ENGLISH = 0.6
#: So many words without a function word among fifty are a list; the tersest notes have twice as many.
_LISTED_WORDS, _LIST_SHARE = 10, 0.02
#: At least this share of the words must be known for the text to be words at all.
_KNOWN_SHARE = 0.35
_FUNCTION_SHARE = 0.12
#: Above this share of repeated three-word runs the text is one phrase again and again.
_REPEATED_SHARE = 0.8


def abstain(answer: Answer, known_words: Container[str]) -> Abstention | None:
    """Return why ``answer`` can't be judged, or ``None``. ``known_words`` are lower-cased English words."""
    words = [word.lower().replace("’", "'") for word in _WORD.findall(answer.text)]
    if len(words) < _LEAST_WORDS:
        return Abstention("empty", "There are too few words to judge. Write what you would say.")
    known = sum(word in known_words or word in FUNCTION_WORDS for word in words) / len(words)
    function = sum(map(FUNCTION_WORDS.__contains__, words)) / len(words)
    if answer.question is not None and _is_pasted(words, answer.question):
        return QUESTION_PASTED
    if _is_code(answer.text):
        return _NOT_PROSE
    accented = sum(not word.isascii() for word in words) / len(words)
    if accented >= _ACCENTED_SHARE and known < _KNOWN_IN_ENGLISH and len(words) >= 8:
        return NOT_ENGLISH
    if known < _KNOWN_SHARE and function < _FUNCTION_SHARE:
        foreign = _looks_like_language(answer.text)
        if foreign:
            return NOT_ENGLISH
        return Abstention("gibberish", "These are not words that can be judged. Write what you would say.")
    if function < _FUNCTION_SHARE and known < 2 * _KNOWN_SHARE and len(words) >= 8:
        return NOT_ENGLISH
    if len(words) >= _LISTED_WORDS and function < _LIST_SHARE:
        return ONLY_A_LIST
    if len(words) >= 12:
        runs = [tuple(words[i : i + 3]) for i in range(len(words) - 2)]
        if 1 - len(set(runs)) / len(runs) > _REPEATED_SHARE:
            return Abstention("gibberish", "This is one phrase again and again. Write what you would say.")
    return None


def _is_code(text: str) -> bool:
    characters = sum(map(len, text.split()))
    return characters >= 40 and sum(map(text.count, _CODE_MARKS)) >= _CODE_SHARE * characters


def _is_pasted(words: list[str], question: str) -> bool:
    asked = [word.lower().replace("’", "'") for word in _WORD.findall(question)]
    if len(asked) < 4 or len(words) > len(asked) * 2:
        return False
    pairs = set(itertools.pairwise(asked))
    taken = sum(pair in pairs for pair in itertools.pairwise(words))
    return taken > 0.7 * (len(words) - 1)


def _looks_like_language(text: str) -> bool:
    """Say whether unknown words have the vowels and lengths of a language rather than of typing at random."""
    letters = [character for character in text.lower() if character.isalpha()]
    if any(ord(character) > 0x24F for character in letters):
        return True
    words = _WORD.findall(text.lower())
    voiced = sum(bool(re.search(r"[aeiouyàâäáãéèêëíìîïóòôöõúùûüœæøå]", word)) for word in words)
    distinct = len(set(words)) / len(words)
    longest = max(map(len, words))
    return voiced > 0.85 * len(words) and distinct > 0.5 and longest < 20 and len(words) >= 5
