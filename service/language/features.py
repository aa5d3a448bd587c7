"""What the labeller sees of a clause: names of features, read off the spaCy ``Doc``.

Names, numbers and rare word shapes are masked before they become features, so that who or where somebody
is cannot move a label. ``FEATURE_VERSION`` changes with every change here: a model folder made from
other features is refused.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from spacy.tokens import Doc, Span, Token

from service.language.tokens import TokenLists

FEATURE_VERSION = "4"

_VERBAL = frozenset({"VERB", "AUX"})
_SUBJECTS = frozenset({"nsubj", "nsubjpass"})
_FIRST_SINGULAR = frozenset({"i", "me", "my", "myself", "mine"})
_FIRST_PLURAL = frozenset({"we", "us", "our", "ours", "ourselves"})
_SECOND = frozenset({"you", "your", "yours", "yourself"})
_THIRD = frozenset({"he", "she", "him", "his", "her", "they", "them", "their"})
#: Gendered words are one feature, so that they cannot tell people apart.
_NEUTRAL = {
    "he": "they", "she": "they", "him": "them", "her": "them", "his": "their", "hers": "theirs",
    "himself": "themselves", "herself": "themselves", "man": "person", "woman": "person", "lady": "person",
    "gentleman": "person", "guy": "person", "girl": "child", "boy": "child", "husband": "spouse",
    "wife": "spouse", "mother": "parent", "father": "parent", "mum": "parent", "mom": "parent",
    "dad": "parent", "son": "child", "daughter": "child", "brother": "sibling", "sister": "sibling",
    "mr": "<name>", "mrs": "<name>", "ms": "<name>", "sir": "<name>", "madam": "<name>",
}  # fmt: skip

#: Verb classes (after Levin 1993, cut down to what tells the parts of a story from one another).
VERB_CLASSES: dict[str, frozenset[str]] = {
    "say": frozenset("say tell ask explain call phone email write answer reply mention suggest propose warn talk speak inform remind ring text message report present discuss".split()),
    "make": frozenset("make build create write design prepare draw set develop produce draft print fix repair rewrite rebuild cook sew organise organize arrange".split()),
    "move": frozenset("go come walk drive run bring take carry send move put fetch pull push drop pick leave travel visit return".split()),
    "become": frozenset("become get turn grow end finish result lead drop rise fall increase decrease improve reduce cut save cost win lose pass fail gain receive earn remain stay".split()),
    "want": frozenset("want need have must should hope wish aim try plan intend expect require supposed ought".split()),
    "think": frozenset("think know believe feel decide realise realize figure guess understand notice see find learn remember assume wonder hear".split()),
    "do": frozenset("do start begin check look count test sort clean change add split sit stand work use open close stop keep show teach train help give offer meet agree".split()),
    "appraise": frozenset("like love enjoy thank praise commend promote award appreciate prefer hate recommend congratulate".split()),
    "duty": frozenset("assign task ask charge appoint responsible accountable instruct order request entrust volunteer".split()),
}  # fmt: skip
_CLASS_OF: dict[str, tuple[str, ...]] = {}
for _name, _verbs in VERB_CLASSES.items():
    for _verb in _verbs:
        _CLASS_OF[_verb] = (*_CLASS_OF.get(_verb, ()), _name)

_TASK_NOUNS = frozenset(
    "goal task job aim target objective brief duty responsibility role mission challenge deadline assignment question point purpose mandate part order instruction".split()
)
_RESULT_NOUNS = frozenset(
    "result outcome end consequence upshot effect feedback lesson success thanks promotion award bonus score rating".split()
)
_CHANGE_WORDS = frozenset(
    "less more fewer better worse faster cheaper half double zero none since now still afterwards eventually finally ultimately today later".split()
)
_TIME_WORDS = frozenset(
    "year month week day morning night evening afternoon monday tuesday wednesday thursday friday saturday sunday january february march april may june july august september october november december spring summer autumn winter ago last once".split()
)
_MONEY = re.compile(
    r"[$£€₹¥]|^(?:euro|euros|dollar|dollars|pound|pounds|quid|rupees|naira|shillings|rand|grand|k)$"
)
_DIGIT = re.compile(r"\d")
_HEDGES = frozenset("maybe perhaps probably guess sort kind somewhat".split())
_HABIT = frozenset("always usually generally often normally never typically tend".split())
#: Features of a clause that holds one of the words.
_FLAGS: dict[str, frozenset[str]] = {
    "has_i": _FIRST_SINGULAR, "has_we": _FIRST_PLURAL, "has_you": _SECOND, "has_they": _THIRD,
    "task_noun": _TASK_NOUNS, "result_noun": _RESULT_NOUNS, "change": _CHANGE_WORDS, "time": _TIME_WORDS,
    "hedge": _HEDGES, "habit": _HABIT, "question": frozenset("?"), "exclaims": frozenset("!"),
    "quote": frozenset('"'), "colon": frozenset(":"),
}  # fmt: skip


def clause_features(doc: Doc, clauses: Sequence[Span], *, question: frozenset[str]) -> list[tuple[str, ...]]:
    """Return the features of every clause, in order; ``question`` holds the question's content lemmas."""
    lists = TokenLists.of(doc)
    words = [_masked(lists, token) for token in range(len(doc))]
    return [
        tuple(
            dict.fromkeys(
                [
                    *_words(lists, words, clause.start, clause.end),
                    *_grammar(lists, clause.start, clause.end),
                    *_place(lists, clause, number, len(clauses)),
                    *_echo(lists.lemma[clause.start : clause.end], question),
                ]
            )
        )
        for number, clause in enumerate(clauses)
    ]


def masked(token: Token) -> str:
    """Return the word of ``token`` as a feature may hold it: names and numbers masked, neutral of gender."""
    return _masked(TokenLists.of(token.doc), token.i)


def lemma_of(token: Token) -> str:
    """Return the lemma of ``token`` as a feature may hold it, neutral of gender."""
    return _lemma(TokenLists.of(token.doc), token.i)


def content_lemmas(doc: Doc) -> frozenset[str]:
    """Return the lemmas of the nouns, verbs and adjectives of a question."""
    return frozenset(
        token.lemma_.lower() for token in doc if token.pos_ in ("NOUN", "VERB", "ADJ") and not token.is_stop
    )


def _masked(lists: TokenLists, token: int) -> str:
    lower = lists.lower[token]
    if lists.like_num[token] or _DIGIT.search(lower):
        return "<num>"
    if lists.pos[token] == "PROPN" and lower not in _TIME_WORDS:
        return "<name>"
    if lists.tag[token] == "PRP$" and lower in ("his", "her"):
        return "their"
    return _NEUTRAL.get(lower, lower)


def _lemma(lists: TokenLists, token: int) -> str:
    lemma = lists.lemma[token]
    return _NEUTRAL.get(lemma, lemma)


def _words(lists: TokenLists, masked_words: Sequence[str], start: int, end: int) -> list[str]:
    tokens = [token for token in range(start, end) if not lists.is_space[token]]
    words = [masked_words[token] for token in tokens]
    features = ["w=" + word for word in words]
    for token, word in zip(tokens, words, strict=True):
        if word[0] != "<":
            lemma = _lemma(lists, token)
            if lemma != word:
                features.append("l=" + lemma)
            if lists.pos[token] == "VERB":
                features.append(f"v={lemma}|{lists.tag[token]}")
    features += [f"b={a} {b}" for a, b in itertools.pairwise(words)]
    opening = list(itertools.islice((word for word in words if word[0].isalnum() or word[0] == "<"), 3))
    features += [f"o{n}=" + " ".join(opening[:n]) for n in range(1, len(opening) + 1)]
    tags = [lists.tag[token] for token in tokens]
    features += [f"t={a}_{b}_{c}" for a, b, c in zip(tags, tags[1:], tags[2:], strict=False)]
    return features


def tense_of(verb: Token) -> str:
    """Name the tense, aspect and modality of a verb with its auxiliaries."""
    return _tense(TokenLists.of(verb.doc), verb.i)


def _tense(lists: TokenLists, verb: int) -> str:
    auxiliaries = [child for child in lists.lefts[verb] if lists.dep[child] in ("aux", "auxpass")]
    lemmas = {lists.lemma[child] for child in auxiliaries}
    tags = [lists.tag[child] for child in auxiliaries]
    if "MD" in tags:
        modal = lists.lower[auxiliaries[tags.index("MD")]]
        return "modal:" + {"'d": "would", "'ll": "will", "wo": "will", "ca": "can"}.get(modal, modal)
    past, tag = "VBD" in tags, lists.tag[verb]
    if "have" in lemmas and tag in ("VBN", "VBD", "VBG"):
        return "pluperfect" if past else "perfect"
    if tag == "VBG":
        return ("past_continuous" if past else "present_continuous") if "be" in lemmas else "participle"
    if tag == "VBD":
        return "past"
    if tag in ("VBP", "VBZ"):
        return "present"
    if tag == "VBN":
        return ("past_passive" if past else "present_passive") if auxiliaries else "participle_past"
    if tag == "VB":
        if "TO" in tags:
            return "infinitive"
        return ("past" if past else "present") if "do" in lemmas else "bare"
    return "other"


def person_of(subject: Token | None) -> str:
    """Name who a subject is: I, we, you, they, it, there, a name, or another noun."""
    return "none" if subject is None else _person(TokenLists.of(subject.doc), subject.i)


def _person(lists: TokenLists, subject: int | None) -> str:
    if subject is None:
        return "none"
    lower = lists.lower[subject]
    if lower in _FIRST_SINGULAR:
        return "i"
    children = lists.children(subject)
    if lower in _FIRST_PLURAL or any(
        lists.lower[child] in _FIRST_SINGULAR for child in children if lists.dep[child] == "conj"
    ):
        return "we"
    if lower in _SECOND:
        return "you"
    if lower in _THIRD:
        return "they"
    if lower in ("it", "that", "this", "which", "what", "there", "who", "everyone", "everybody", "nobody"):
        return lower
    owners = {lists.lower[child] for child in children}
    if "my" in owners:
        return "my_noun"
    if "our" in owners:
        return "our_noun"
    return "name" if lists.pos[subject] == "PROPN" else "noun"


def main_verb(clause: Span) -> Token | None:
    """Return the verb that governs the clause: the verbal token whose head lies outside, or the highest."""
    verb = _main_verb(TokenLists.of(clause.doc), clause.start, clause.end)
    return None if verb is None else clause.doc[verb]


def _main_verb(lists: TokenLists, start: int, end: int) -> int | None:
    verbs = [
        token
        for token in range(start, end)
        if lists.pos[token] in _VERBAL and lists.dep[token] not in ("aux", "auxpass")
    ]
    for verb in verbs:
        if lists.dep[verb] == "ROOT" or not start <= lists.head[verb] < end:
            return verb
    return verbs[0] if verbs else None


def subject_of(verb: Token) -> Token | None:
    """Return the subject of ``verb``, or of the verb it is coordinated with."""
    subject = _subject(TokenLists.of(verb.doc), verb.i)
    return None if subject is None else verb.doc[subject]


def _subject(lists: TokenLists, verb: int) -> int | None:
    for _ in range(4):
        for child in lists.lefts[verb]:
            if lists.dep[child] in _SUBJECTS or lists.dep[child] == "expl":
                return child
        if lists.dep[verb] not in ("conj", "xcomp"):
            return None
        verb = lists.head[verb]
    return None


def _grammar(lists: TokenLists, start: int, end: int) -> list[str]:
    features: list[str] = []
    verb = _main_verb(lists, start, end)
    if verb is None:
        features.append("verbless")
    else:
        features += _verb_features(lists, verb)
        head = lists.head[verb]
        if not start <= head < end:
            features.append(f"gov={lists.dep[verb]}|{_lemma(lists, head)}")
    for token in range(start, end):
        if lists.pos[token] == "VERB":
            features += [f"c={name}" for name in _CLASS_OF.get(lists.lemma[token], ())]
    lowers = set(lists.lower[start:end])
    features += [name for name, words in _FLAGS.items() if not words.isdisjoint(lowers)]
    for token in range(start, end):
        if lists.like_num[token] or _DIGIT.search(lists.lower[token]):
            features += _number_features(lists.lower, token)
        elif lists.lower[token] == "%":
            features.append("percent")
    return features


def _verb_features(lists: TokenLists, verb: int) -> list[str]:
    tense, person = _tense(lists, verb), _person(lists, _subject(lists, verb))
    lemma, dep, children = lists.lemma[verb], lists.dep[verb], lists.children(verb)
    ties = [lists.dep[child] for child in children]
    is_passive = "nsubjpass" in ties or "auxpass" in ties
    # "I asked" and "I was asked" have the same subject, and opposite parts in the story.
    role = f"{person}<" if is_passive else person
    features = [
        f"tense={tense}", f"person={person}", f"tp={tense}|{person}", f"root={lemma}",
        f"rp={lemma}|{role}", f"rt={lemma}|{tense}", f"dep={dep}",
    ]  # fmt: skip
    features += [f"vc={name}|{role}" for name in _CLASS_OF.get(lemma, ())]
    features += [f"vt={name}|{tense}" for name in _CLASS_OF.get(lemma, ())]
    if "neg" in ties:
        features.append(f"neg|{tense}")
    if is_passive:
        features.append(f"passive|{person}")
    for child, tie in zip(children, ties, strict=True):
        if tie in ("xcomp", "ccomp"):
            features.append(f"comp={lemma}>{_lemma(lists, child)}")
            features.append(f"compclass={lemma}>{_tense(lists, child)}")
        elif tie in ("acomp", "attr") and lists.pos[child] in ("NOUN", "ADJ"):
            features.append(f"attr={_lemma(lists, child)}")
        elif tie == "dobj" and lists.pos[child] == "NOUN":
            features.append(f"obj={_lemma(lists, child)}")
    return features


def _number_features(lowers: Sequence[str], token: int) -> list[str]:
    following = lowers[token + 1] if token + 1 < len(lowers) else ""
    features = ["number", f"unit={following if following.isalpha() else following[:1]}"]
    if _MONEY.search(following) or (token and _MONEY.search(lowers[token - 1])):
        features.append("money")
    return features


def _place(lists: TokenLists, clause: Span, number: int, clauses: int) -> list[str]:
    start, end = clause.start, clause.end
    sentence = lists.sentence[start]
    middle = (start + end) / 2 / len(lists.sentence)
    features = [
        f"at={int(middle * 10)}",
        f"from_start={min(number, 4)}",
        f"from_end={min(clauses - 1 - number, 4)}",
        f"len={min((end - start) // 4, 5)}",
    ]
    if sentence == 0:
        features.append("first_sentence")
    if sentence == lists.sentence[-1]:
        features.append("last_sentence")
    if clause[0].is_sent_start:
        features.append("opens_sentence")
    return features


def _echo(lemmas: Sequence[str], question: frozenset[str]) -> list[str]:
    if not question:
        return []
    shared = sum(lemma in question for lemma in lemmas)
    return [f"echo={min(shared, 3)}"] if shared else []
