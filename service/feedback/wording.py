"""The answer's own words for a message: what was done, to what, for whom, as phrases that stand by themselves.

A phrase is cut where the grammar ends it, never inside, and quoted as it was given. Where the answer has no such
words the place stays empty, and a text that needs it is not used.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, takewhile

from spacy.tokens import Token

from service.feedback.reading import ReadClause, Reading
from service.feedback.rules import Hit, Rule
from service.labels import COMPONENTS, Label
from service.language.features import subject_of

#: The longest quote, in words.
QUOTED_WORDS = 9
#: A phrase of fewer words says nothing.
_LEAST_WORDS = 2
#: Of so many last steps one that names a thing is told rather than the last of all.
_RECENT = 3
_WORD = re.compile(r"\S+")
_EDGES = ' \t\n,;:.!?-–—"“”()…'
#: What may stand behind a verb without which the verb says nothing.
_NEEDED = frozenset({"dobj", "dative", "attr", "acomp", "ccomp", "xcomp", "oprd", "prep", "agent"})
#: What stands behind a verb and belongs to another statement.
_NEXT = frozenset({"cc", "conj", "punct", "advcl", "parataxis", "mark", "preconj", "intj", "nsubj", "dep"})
#: Tags of words that can't end a phrase.
_OPEN_ENDS = frozenset({"DT", "CC", "TO", "PRP$", "MD", "WDT", "WP", "WP$", "WRB", "PDT", "HYPH", "POS"})
_OPENERS = frozenset("and but so then or well because that which um uh er erm like okay ok yeah".split())
_CLOSERS = frozenset(
    "and but so or because that which um uh er erm to of the a an with for at my our his her their i we he she they who".split()
)
#: Verbs whose past is their infinitive; of others such a form is a lemma that was not found.
_UNCHANGED = frozenset("put cut set let read hit shut cost quit split spread bet hurt cast fit reset".split())
#: Objects that name nothing one could come back to.
_LIGHT = frozenset(
    """thing things something anything everything nothing way ways time times part parts lot lots bit look care sure
    place idea ideas question questions day days week weeks month months year years hour hours minute minutes moment
    morning afternoon evening night end start beginning step steps help best one ones kind sort half rest advantage
    attention word words home work job phone call calls responsibility charge action actions account use touch piece
    situation people person hand hands eye eyes""".split()
)
#: People whom an outcome may be for; those whom the speaker reports to, or buys from, are not among them.
_PEOPLE = frozenset(
    """adviser agent applicant apprentice assistant attendant audience baker barista bride builder buyer caller
    candidate cashier caterer chef child class classmate cleaner clerk client colleague commuter cook couple courier
    coworker crew customer developer diner doctor driver electrician employee engineer family farmer fitter guest
    household intern janitor joiner kid learner lodger mechanic member neighbour neighbor newcomer nurse
    operator owner parent passenger patient pensioner picker plumber porter pupil reader receptionist recruit regular
    relative resident rider roommate salesman sailor seller shopper staff starter student subscriber supporter
    teacher team teammate technician tenant tester tourist trainee traveller traveler user viewer villager visitor
    volunteer waiter waitress welder worker""".split()
)
#: Those of them who are the speaker's own when they are spoken to about them.
_OWN_PEOPLE = frozenset("class classmate colleague coworker roommate team teammate trainee".split())
_LEFT_OF_NOUN = frozenset({"compound", "amod", "nummod"})
_COMPARING = frozenset({"JJR", "JJS"})
_UNTOLD = frozenset(
    {"other", "same", "such", "own", "last", "next", "many", "few", "first", "different", "certain"}
)
#: Determiners with which a noun does not name one thing that was spoken of.
_UNSPECIFIC = frozenset(
    {"every", "each", "no", "any", "another", "what", "which", "all", "both", "either", "much"}
)
#: Pronouns of the speaker, as they are when the speaker is spoken to.
_TO_YOU = {
    "i": "you", "me": "you", "my": "your", "mine": "yours", "myself": "yourself", "we": "you", "us": "you",
    "our": "your", "ours": "yours", "ourselves": "yourselves", "i'm": "you're", "i'd": "you'd", "we're": "you're",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Words:
    """The way from tokens to the words that were given."""

    reading: Reading

    def quote(self, tokens: Iterable[Token]) -> str:
        run = list(tokens)
        first, last = run[0], run[-1]
        if self.reading.source is None:
            return " ".join(first.doc[first.i : last.i + 1].text.split())
        start, end = self.reading.source.to_given(first.idx, last.idx + len(last))
        return " ".join(self.reading.answer.text[start:end].split())


def places(reading: Reading, rule: Rule, hit: Hit) -> dict[str, str]:
    """Return what can be said in the answer's words about a finding; a place without words is left out.

    ``words`` those found; ``anchor`` those at the gap; ``step`` what was done, ``do`` the same as an infinitive
    in the second person, ``verb`` its verb in the past; ``thing`` what it was done to; ``who`` it was for.
    """
    words = _Words(reading)
    found: dict[str, str | None] = {}
    if hit.start is not None and hit.end is not None:
        found["words"] = quoted(reading, hit.start, hit.end)
    if hit.insert_at is not None:
        found["anchor"] = _anchor(reading, rule, hit.insert_at)
    clause = _told_there(reading, rule, hit)
    if clause is not None and clause.verb is not None:
        verb = clause.verb
        found["thing"] = _thing(clause, words)
        if clause.label is Label.ACTION and _is_by_speaker(clause):
            phrase = _verb_phrase(clause)
            if phrase:
                found["step"] = words.quote(phrase)
                found["do"] = _infinitive(verb, words.quote(phrase))
                found["verb"] = words.quote([verb]).lower() if verb.tag_ in ("VBD", "VBN") else None
    # With words of an action the people are those that it speaks of, not any of the story.
    if hit.start is None or clause is None or clause.label is not Label.ACTION or _speaks_of_others(clause):
        found["who"] = _who(reading, clause)
    return {name: text for name, text in found.items() if text}


def quoted(reading: Reading, start: int, end: int) -> str:
    """Return the words from ``start`` to ``end`` (code points), cut at the end of a phrase where they are long."""
    for clause in reading.clauses:
        if (clause.clause.start, clause.clause.end) == (start, end):
            return _quoted_clause(reading, clause)
    return cut(reading.answer.text[start:end])


def _told_there(reading: Reading, rule: Rule, hit: Hit) -> ReadClause | None:
    """Return the clause that a finding is about: the one found, else the step or statement nearest the gap."""
    if hit.start is not None:
        here = [clause for clause in reading.clauses if clause.clause.start <= hit.start < clause.clause.end]
        if rule.component is not Label.SITUATION:
            return here[0] if here else None
    steps = [clause for clause in reading.of(Label.ACTION) if clause.is_step and _is_told(clause)]
    if hit.insert_at is None or rule.component in (Label.SITUATION, Label.TASK):
        after = (clause for clause in steps if clause.clause.start >= (hit.insert_at or 0))
        return next(after, None)
    before = [clause for clause in steps if clause.clause.end <= hit.insert_at]
    if before or rule.component is not Label.ACTION:
        named = [clause for clause in before[-_RECENT:] if _thing(clause, _Words(reading))]
        return named[-1] if named else before[-1] if before else None
    told = [
        clause
        for clause in reading.clauses
        if clause.label in COMPONENTS and clause.clause.end <= hit.insert_at and clause.verb is not None
    ]
    return told[-1] if told else None


def _is_told(clause: ReadClause) -> bool:
    return _is_by_speaker(clause) and bool(_verb_phrase(clause))


def _is_by_speaker(clause: ReadClause) -> bool:
    """Say whether the speaker did it, alone or not; in notes there may be no subject."""
    if clause.verb is None or not _is_done(clause.verb):
        return False
    return clause.person in ("i", "we") or (clause.person == "none" and clause.verb.tag_ == "VBD")


def _is_done(verb: Token) -> bool:
    """Say whether a verb tells something that was done: neither denied, nor only possible, nor suffered."""
    if verb.tag_ not in ("VBD", "VBN", "VBP"):
        return False
    left = [child for child in verb.children if child.i < verb.i]
    return not any(
        child.dep_ in ("neg", "auxpass", "nsubjpass") or child.tag_ in ("MD", "TO")
        or (child.dep_ == "aux" and child.lemma_ in ("do", "be"))
        for child in left
    )  # fmt: skip


def _verb_phrase(clause: ReadClause, *, most: int = QUOTED_WORDS) -> list[Token]:
    """Return the verb of a clause with what belongs to it, at most ``most`` words, or nothing."""
    verb = clause.verb
    if verb is None:
        return []
    end = _end_behind(verb, clause.span.end, most)
    if end is None:
        return []
    phrase = _closed(list(clause.span.doc[verb.i : end]))
    return phrase if _count(phrase) >= _LEAST_WORDS else []


def _end_behind(verb: Token, limit: int, most: int) -> int | None:
    """Return the token number behind the last phrase of ``verb`` that fits, or ``None`` if a needed one does not."""
    doc, reached = verb.doc, verb.i + 1
    for child in verb.rights:
        if child.dep_ in _NEXT or child.left_edge.i != reached or child.i >= limit:
            break
        whole = child.right_edge.i + 1
        if whole <= limit and _count(doc[verb.i : whole]) <= most:
            reached = whole
            continue
        core = _core_end(child, limit, most - _count(doc[verb.i : child.left_edge.i]))
        if core is not None:
            return core
        return None if child.dep_ in _NEEDED and reached == verb.i + 1 else reached
    return reached


def _core_end(child: Token, limit: int, most: int) -> int | None:
    """Return the end of the shorter form of a phrase that is too long, or ``None``."""
    doc = child.doc
    if child.dep_ in ("ccomp", "xcomp", "acomp"):
        end = _end_behind(child, limit, most - _count(doc[child.left_edge.i : child.i]))
        return end if end is not None and end > child.i + 1 else None
    noun = (
        next((token for token in child.rights if token.dep_ == "pobj"), None)
        if child.dep_ == "prep"
        else child
    )
    if noun is None or noun.pos_ not in ("NOUN", "PROPN", "PRON") or noun.i >= limit:
        return None
    end = noun.i + 1
    for behind in noun.rights:
        whole = behind.right_edge.i + 1
        if behind.dep_ != "prep" or behind.left_edge.i != end or whole > limit:
            break
        if _count(doc[child.left_edge.i : whole]) > most:
            break
        end = whole
    return end if _count(doc[child.left_edge.i : end]) <= most else None


def _closed(tokens: list[Token]) -> list[Token]:
    """Return ``tokens`` without those at the end that open something or stand for nothing."""
    while tokens and (
        tokens[-1].is_punct
        or tokens[-1].tag_ in _OPEN_ENDS
        or (tokens[-1].tag_ == "IN" and tokens[-1].dep_ in ("prep", "mark"))
        or tokens[-1].dep_ in ("cc", "aux", "auxpass", "intj")
    ):
        tokens.pop()
    return tokens


def _count(tokens: Iterable[Token]) -> int:
    """Count words as they are written: "didn't" is one."""
    run = list(tokens)
    return sum(bool(token.whitespace_) for token in run[:-1]) + bool(run)


def _anchor(reading: Reading, rule: Rule, insert_at: int) -> str:
    behind = [clause for clause in reading.clauses if clause.clause.start >= insert_at]
    before = [clause for clause in reading.clauses if clause.clause.end <= insert_at]
    if (insert_at == 0 or rule.component is Label.SITUATION) and behind:
        return _quoted_clause(reading, behind[0])
    nearest = next((clause for clause in reversed(before) if len(clause.span) > 1), None)
    return cut(reading.answer.text) if nearest is None else _quoted_end(reading, nearest)


def _quoted_end(reading: Reading, clause: ReadClause) -> str:
    """Return the words of a clause, or where they are many its last phrase, which stands before a gap."""
    whole = _trimmed(_WORD.findall(reading.answer.text[clause.clause.start : clause.clause.end]))
    if len(whole) <= QUOTED_WORDS:
        return " ".join(whole).strip(_EDGES)
    tokens = [token for token in clause.span if not token.is_punct]
    last = tokens[-1]
    starts = {
        token.left_edge.i
        for token in tokens
        if token.right_edge.i >= last.i
        and token.left_edge.i >= clause.span.start
        and token.dep_ not in ("cc", "conj")
    }
    for start in sorted(starts):
        phrase = list(clause.span.doc[start : last.i + 1])
        if _count(phrase) <= QUOTED_WORDS and phrase[0].pos_ not in ("CCONJ", "PUNCT"):
            if _count(phrase) >= _LEAST_WORDS:
                return "… " + _Words(reading).quote(phrase).strip(_EDGES)
            break
    return "… " + " ".join(whole[-QUOTED_WORDS:]).strip(_EDGES)


def _quoted_clause(reading: Reading, clause: ReadClause) -> str:
    """Return the words of a clause, or where they are many the subject and the verb with what belongs to it."""
    given = reading.answer.text[clause.clause.start : clause.clause.end]
    whole = _trimmed(_WORD.findall(given))
    verb = clause.verb
    if 0 < len(whole) <= QUOTED_WORDS or verb is None:
        return cut(given)
    subject = subject_of(verb)
    first = verb if subject is None or not clause.span.start <= subject.i < verb.i else subject.left_edge
    before = list(clause.span.doc[first.i : verb.i])
    phrase = _verb_phrase(clause, most=QUOTED_WORDS - _count(before))
    if not phrase or _count(before + phrase) <= _LEAST_WORDS:
        return cut(given)
    return _Words(reading).quote(before + phrase).strip(_EDGES)


def cut(words: str) -> str:
    """Return the first words, with an ellipsis where there are more, without a word that opens something."""
    parts = _trimmed(_WORD.findall(words))
    if len(parts) <= QUOTED_WORDS:
        return " ".join(parts).strip(_EDGES) or " ".join(words.split()).strip(_EDGES)
    return " ".join(_trimmed(parts[:QUOTED_WORDS])).strip(_EDGES) + " …"


def _trimmed(words: list[str]) -> list[str]:
    """Return ``words`` without those at either end that only tie them to others."""
    first = sum(1 for _ in takewhile(lambda word: word.lower().strip(_EDGES) in _OPENERS, words))
    kept = words[first:] or words
    last = sum(1 for _ in takewhile(lambda word: word.lower().strip(_EDGES) in _CLOSERS, reversed(kept)))
    return kept[: len(kept) - last] or kept


def _infinitive(verb: Token, phrase: str) -> str | None:
    lemma = verb.lemma_.lower()
    if verb.tag_ == "VBP" or (lemma == verb.lower_ and lemma not in _UNCHANGED):
        return None
    return _to_you([lemma, *phrase.split()[1:]])


def _to_you(words: list[str]) -> str:
    """Return words of the speaker as they are said to the speaker."""
    return " ".join(_TO_YOU.get(word.lower().replace("’", "'"), word) for word in words)


def _thing(clause: ReadClause, words: _Words) -> str | None:
    """Return what an action was done to, or what a statement is of: "the ledger" of "moved the ledger"."""
    verb = clause.verb
    if verb is None:
        return None
    inside = [token for token in verb.children if clause.span.start <= token.i < clause.span.end]
    objects = [token for token in inside if token.dep_ == "dobj"]
    objects += [
        noun for token in inside if token.dep_ == "prep" and token.lower_ in ("with", "on", "about", "through", "for")
        for noun in token.children if noun.dep_ == "pobj"
    ]  # fmt: skip
    if clause.label is not Label.ACTION:
        objects += [token for token in inside if token.dep_ in ("nsubj", "nsubjpass")]
    named = (
        _definite(token, words) for token in objects if not _is_person(token) and token.lower_ not in _LIGHT
    )
    return next((name for name in named if name), None)


def _definite(noun: Token, words: _Words) -> str | None:
    """Return a noun as something already spoken of: "the new system" of "a new system", or ``None``."""
    if noun.tag_ not in ("NN", "NNS") or not noun.is_alpha or noun.lemma_.lower() in _LIGHT:
        return None
    left = [token for token in noun.lefts if token.dep_ not in _LEFT_OF_NOUN]
    if any(token.lower_ in _UNSPECIFIC or token.dep_ in ("predet", "quantmod", "case") for token in left):
        return None
    opener = "the"
    for token in left:
        if token.dep_ == "poss":
            if token.lower_ not in ("my", "our", "his", "her", "its", "their"):
                return None
            opener = "your" if token.lower_ in ("my", "our") else "the"
    run = [noun]
    for token in reversed(list(noun.doc[noun.left_edge.i : noun.i])):
        told = (
            token.lower_ not in _UNTOLD and token.tag_ not in _COMPARING and token.tag_ not in ("NNP", "NNPS")
        )
        if token.dep_ not in _LEFT_OF_NOUN or not token.is_alpha or not told:
            break
        if any(child.i < token.i for child in token.children):
            break
        run.insert(0, token)
    of = next((token for token in noun.rights if token.lower_ == "of"), None)
    if of is not None and of.i == noun.i + 1:
        tail = list(of.subtree)
        plain = all(token.tag_ in ("IN", "DT", "JJ", "NN", "NNS", "CD") for token in tail)
        if plain and 1 < len(tail) <= 3 and tail[-1].tag_ in ("NN", "NNS"):
            run += tail
    quote = words.quote(run)
    return f"{opener} {quote if quote.isupper() else quote[:1].lower() + quote[1:]}"


def _is_person(token: Token) -> bool:
    return token.lemma_.lower() in _PEOPLE or token.lemma_.lower() in (
        "boss", "manager", "supervisor", "director", "supplier", "man", "woman", "guy", "boy", "girl", "lady",
        "butcher", "husband", "wife", "son", "daughter", "father", "brother", "sister", "friend",
    )  # fmt: skip


def _speaks_of_others(clause: ReadClause) -> bool:
    return any(token.lower_ in ("it", "him", "her", "them") for token in clause.span)


def _who(reading: Reading, clause: ReadClause | None) -> str | None:
    """Return the people whom the story is about beside the speaker: those of ``clause``, else the most named.

    Those who turn up in a step only are the ones who were asked to help.
    """
    words = _Words(reading)
    here = [] if clause is None or clause.label is Label.ACTION else list(_people(clause))
    others = chain.from_iterable(
        _people(other)
        for other in reading.clauses
        if other.label in (Label.SITUATION, Label.TASK, Label.RESULT)
    )
    named = [*here, *others]
    if not named:
        return None
    often = Counter(token.lemma_.lower() for token in named)
    first = here[0] if here else max(named, key=lambda token: (often[token.lemma_.lower()], -token.i))
    return _person(first, words)


def _people(clause: ReadClause) -> Iterator[Token]:
    for token in clause.span:
        if token.tag_ not in ("NN", "NNS") or token.lemma_.lower() not in _PEOPLE or token.dep_ == "compound":
            continue
        if token.dep_ in ("attr", "appos") or (token.head.lower_ == "as" and token.dep_ == "pobj"):
            continue
        yield token


def _person(noun: Token, words: _Words) -> str | None:
    plain = noun.lemma_.lower()
    compounds = [token for token in noun.lefts if token.dep_ == "compound" and token.tag_ in ("NN", "NNS")]
    run = [noun.doc[noun.i]]
    for token in reversed(compounds):
        if token.i == run[0].i - 1 and not any(True for _ in token.lefts):
            run.insert(0, token)
    mine = any(token.dep_ == "poss" and token.lower_ in ("my", "our") for token in noun.lefts)
    opener = "your" if mine or plain in _OWN_PEOPLE else "the"
    return f"{opener} {words.quote(run).lower()}"
