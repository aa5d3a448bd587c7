"""Training of the sentence ends: the corpus's own stops, taken away and found again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from sklearn.linear_model import LogisticRegression

from service.language.ends import ENDS, Word, bare_word, ends_sentence, gap_features
from service.language.heads import LinearHead
from service.language.nlp import Language
from service.language.text import prepare
from training.corpus import LabelledAnswer
from training.fit import frequent, sparse_rows

#: An answer with fewer stops, one to so many words, has too little punctuation to learn from.
_WORDS_PER_STOP = 30
_INVERSE_REGULARISATION = 0.1
_ITERATIONS = 100


def fit_sentence_ends(answers: Sequence[LabelledAnswer], language: Language) -> LinearHead:
    """Return the head that tells gaps inside a sentence from ends.

    Raises ``ValueError`` where no answer has any punctuation.
    """
    examples: list[tuple[list[str], int]] = []
    seen: Counter[str] = Counter()
    for answer in answers:
        gaps = list(_gaps(answer, language))
        examples += gaps
        seen.update({name for names, _ in gaps for name in names})
    gold = np.array([is_end for _, is_end in examples])
    if not gold.any():
        raise ValueError("no answer ends a sentence with a stop; sentence ends can't be learnt")
    vocabulary = frequent(seen)
    rows = sparse_rows([dict.fromkeys(names, 1.0) for names, _ in examples], vocabulary)
    model = LogisticRegression(C=_INVERSE_REGULARISATION, max_iter=_ITERATIONS, tol=1e-3).fit(rows, gold)
    weights = np.hstack([np.zeros((len(vocabulary), 1)), model.coef_.T])
    return LinearHead(
        ENDS,
        vocabulary,
        weights.astype(np.float32),
        np.array([0.0, model.intercept_[0]], dtype=np.float32),
    )


def _gaps(answer: LabelledAnswer, language: Language) -> Iterator[tuple[list[str], int]]:
    cores: list[str] = []
    ends: list[int] = []
    for line in answer.text.splitlines():
        for word in line.split():
            core = bare_word(word)
            if core:
                cores.append(core)
                ends.append(int(ends_sentence(word)))
            elif ends and ends_sentence(word):
                ends[-1] = 1
        if ends:
            ends[-1] = 1
    if len(cores) < 2 or sum(ends) * _WORDS_PER_STOP < len(cores):
        return
    with language.reading(prepare(" ".join(cores)), most_tokens=20_000, parsed=False) as doc:
        tags = {token.idx: token.tag_ for token in doc}
    starts = np.cumsum([0, *(len(core) + 1 for core in cores[:-1])]).tolist()
    words = [Word(core, tags.get(start, ""), 0) for core, start in zip(cores, starts, strict=True)]
    yield from zip(gap_features(words), ends, strict=False)
