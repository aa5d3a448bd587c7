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

FEATURE_VERSION = "3"

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


def clause_features(doc: Doc, clauses: Sequence[Span], *, question: frozenset[str]) -> list[tuple[str, ...]]:
    """Return the features of every clause, in order; ``question`` holds the question's content lemmas."""
    total = max(1, len(doc))
    sentences = {token.i: number for number, sent in enumerate(doc.sents) for token in sent}
    last_sentence = max(sentences.values(), default=0)
    return [
        tuple(
            dict.fromkeys(
                [
                    *_words(tokens),
                    *_grammar(clause, tokens),
                    *_place(clause, number, len(clauses), total, sentences, last_sentence),
                    *_echo(tokens, question),
                ]
            )
        )
        for number, (clause, tokens) in enumerate((clause, list(clause)) for clause in clauses)
    ]


def masked(token: Token) -> str:
    """Return the word of ``token`` as a feature may hold it: names and numbers masked, neutral of gender."""
    lower = token.lower_
    if token.like_num or _DIGIT.search(lower):
        return "<num>"
    if token.pos_ == "PROPN" and lower not in _TIME_WORDS:
        return "<name>"
    if token.tag_ == "PRP$" and lower in ("his", "her"):
        return "their"
    return _NEUTRAL.get(lower, lower)


def lemma_of(token: Token) -> str:
    """Return the lemma of ``token`` as a feature may hold it, neutral of gender."""
    lemma = token.lemma_.lower()
    return _NEUTRAL.get(lemma, lemma)


def content_lemmas(doc: Doc) -> frozenset[str]:
    """Return the lemmas of the nouns, verbs and adjectives of a question."""
    return frozenset(
        token.lemma_.lower() for token in doc if token.pos_ in ("NOUN", "VERB", "ADJ") and not token.is_stop
    )


def _words(clause: Sequence[Token]) -> list[str]:
    tokens = [token for token in clause if not token.is_space]
    words = [masked(token) for token in tokens]
    features = ["w=" + word for word in words]
    for token, word in zip(tokens, words, strict=True):
        if word[0] != "<":
            lemma = lemma_of(token)
            if lemma != word:
                features.append("l=" + lemma)
            if token.pos_ == "VERB":
                features.append(f"v={lemma}|{token.tag_}")
    features += [f"b={a} {b}" for a, b in itertools.pairwise(words)]
    opening = [word for word in words if word[0].isalnum() or word[0] == "<"]
    features += [f"o{n}=" + " ".join(opening[:n]) for n in (1, 2, 3) if len(opening) >= n]
    tags = [token.tag_ for token in tokens]
    features += [f"t={a}_{b}_{c}" for a, b, c in zip(tags, tags[1:], tags[2:], strict=False)]
    return features


def tense_of(verb: Token) -> str:
    """Name the tense, aspect and modality of a verb with its auxiliaries."""
    auxiliaries = [child for child in verb.lefts if child.dep_ in ("aux", "auxpass")]
    lemmas = {child.lemma_.lower() for child in auxiliaries}
    modal = next((child.lower_ for child in auxiliaries if child.tag_ == "MD"), None)
    if modal is not None:
        return "modal:" + {"'d": "would", "'ll": "will", "wo": "will", "ca": "can"}.get(modal, modal)
    past = any(child.tag_ == "VBD" for child in auxiliaries)
    if "have" in lemmas and verb.tag_ in ("VBN", "VBD", "VBG"):
        return "pluperfect" if past else "perfect"
    if verb.tag_ == "VBG":
        return ("past_continuous" if past else "present_continuous") if "be" in lemmas else "participle"
    if verb.tag_ == "VBD":
        return "past"
    if verb.tag_ in ("VBP", "VBZ"):
        return "present"
    if verb.tag_ == "VBN":
        return ("past_passive" if past else "present_passive") if auxiliaries else "participle_past"
    if verb.tag_ == "VB":
        if any(child.tag_ == "TO" for child in auxiliaries):
            return "infinitive"
        return ("past" if past else "present") if "do" in lemmas else "bare"
    return "other"


def person_of(subject: Token | None) -> str:
    """Name who a subject is: I, we, you, they, it, there, a name, or another noun."""
    if subject is None:
        return "none"
    lower = subject.lower_
    if lower in _FIRST_SINGULAR:
        return "i"
    if lower in _FIRST_PLURAL or any(
        c.lower_ in _FIRST_SINGULAR for c in subject.children if c.dep_ == "conj"
    ):
        return "we"
    if lower in _SECOND:
        return "you"
    if lower in _THIRD:
        return "they"
    if lower in ("it", "that", "this", "which", "what", "there", "who", "everyone", "everybody", "nobody"):
        return lower
    if any(child.lower_ == "my" for child in subject.children):
        return "my_noun"
    if any(child.lower_ == "our" for child in subject.children):
        return "our_noun"
    return "name" if subject.pos_ == "PROPN" else "noun"


def main_verb(clause: Span) -> Token | None:
    """Return the verb that governs the clause: the verbal token whose head lies outside, or the highest."""
    verbs = [token for token in clause if token.pos_ in _VERBAL and token.dep_ not in ("aux", "auxpass")]
    for verb in verbs:
        if verb.dep_ == "ROOT" or not (clause.start <= verb.head.i < clause.end):
            return verb
    return verbs[0] if verbs else None


def subject_of(verb: Token) -> Token | None:
    """Return the subject of ``verb``, or of the verb it is coordinated with."""
    for _ in range(4):
        for child in verb.lefts:
            if child.dep_ in _SUBJECTS or child.dep_ == "expl":
                return child
        if verb.dep_ not in ("conj", "xcomp"):
            return None
        verb = verb.head
    return None


def _is_passive(verb: Token) -> bool:
    return any(child.dep_ in ("nsubjpass", "auxpass") for child in verb.children)


def _grammar(clause: Span, tokens: Sequence[Token]) -> list[str]:
    features: list[str] = []
    lowers = {token.lower_ for token in tokens}
    verb = main_verb(clause)
    if verb is None:
        features.append("verbless")
    else:
        tense, person = tense_of(verb), person_of(subject_of(verb))
        lemma = verb.lemma_.lower()
        # "I asked" and "I was asked" have the same subject, and opposite parts in the story.
        role = f"{person}<" if _is_passive(verb) else person
        features += [
            f"tense={tense}", f"person={person}", f"tp={tense}|{person}", f"root={lemma}",
            f"rp={lemma}|{role}", f"rt={lemma}|{tense}", f"dep={verb.dep_}",
        ]  # fmt: skip
        features += [f"vc={name}|{role}" for name in _CLASS_OF.get(lemma, ())]
        features += [f"vt={name}|{tense}" for name in _CLASS_OF.get(lemma, ())]
        if any(child.dep_ == "neg" for child in verb.children):
            features.append(f"neg|{tense}")
        if _is_passive(verb):
            features.append(f"passive|{person}")
        for child in verb.children:
            if child.dep_ in ("xcomp", "ccomp"):
                features.append(f"comp={lemma}>{lemma_of(child)}")
                features.append(f"compclass={lemma}>{tense_of(child)}")
            elif child.dep_ in ("acomp", "attr") and child.pos_ in ("NOUN", "ADJ"):
                features.append(f"attr={lemma_of(child)}")
            elif child.dep_ == "dobj" and child.pos_ == "NOUN":
                features.append(f"obj={lemma_of(child)}")
        if clause.start > verb.head.i or verb.head.i >= clause.end:
            features.append(f"gov={verb.dep_}|{lemma_of(verb.head)}")
    for token in tokens:
        if token.pos_ == "VERB" and token is not verb:
            features += [f"c={name}" for name in _CLASS_OF.get(token.lemma_.lower(), ())]
    flags = {
        "has_i": _FIRST_SINGULAR & lowers, "has_we": _FIRST_PLURAL & lowers, "has_you": _SECOND & lowers,
        "has_they": _THIRD & lowers, "task_noun": _TASK_NOUNS & lowers, "result_noun": _RESULT_NOUNS & lowers,
        "change": _CHANGE_WORDS & lowers, "time": _TIME_WORDS & lowers, "hedge": _HEDGES & lowers,
        "habit": _HABIT & lowers, "question": "?" in lowers, "exclaims": "!" in lowers,
        "quote": '"' in lowers, "colon": ":" in lowers,
    }  # fmt: skip
    features += [name for name, found in flags.items() if found]
    for token in tokens:
        if token.like_num or _DIGIT.search(token.lower_):
            following = token.nbor(1).lower_ if token.i + 1 < len(token.doc) else ""
            features += ["number", f"unit={following if following.isalpha() else following[:1]}"]
            if _MONEY.search(following) or (token.i and _MONEY.search(token.nbor(-1).lower_)):
                features.append("money")
        elif token.lower_ == "%":
            features.append("percent")
    return features


def _place(
    clause: Span, number: int, clauses: int, tokens: int, sentences: dict[int, int], last_sentence: int
) -> list[str]:
    sentence = sentences[clause.start]
    middle = (clause.start + clause.end) / 2 / tokens
    features = [
        f"at={int(middle * 10)}",
        f"from_start={min(number, 4)}",
        f"from_end={min(clauses - 1 - number, 4)}",
        f"len={min(len(clause) // 4, 5)}",
    ]
    if sentence == 0:
        features.append("first_sentence")
    if sentence == last_sentence:
        features.append("last_sentence")
    if clause[0].is_sent_start:
        features.append("opens_sentence")
    return features


def _echo(tokens: Sequence[Token], question: frozenset[str]) -> list[str]:
    if not question:
        return []
    shared = sum(1 for token in tokens if token.lemma_.lower() in question)
    return [f"echo={min(shared, 3)}"] if shared else []
