"""The whole-answer classifiers give what scikit-learn gives."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from service.labels import Label
from service.language.heads import LinearHead, RowIndex, by_row, hashes_of
from service.language.whole import answer_features, question_features
from training.fit import fit_head


@pytest.mark.parametrize("classes", [("no", "yes"), ("a", "b", "c", "d")])
def test_a_head_gives_the_probabilities_of_scikit_learn(classes: tuple[str, ...]) -> None:
    generator = np.random.default_rng(3)
    names = [f"f{number}" for number in range(12)]
    table = generator.integers(0, 4, (80, len(names))).astype(float)
    gold = [classes[int(row[:3].sum()) % len(classes)] for row in table]
    features = [dict(zip(names, row, strict=True)) for row in table]
    head = fit_head(list(zip(features, gold, strict=True)), classes, 0.5)

    columns = [sorted(names).index(name) for name in names]
    ordered = np.zeros_like(table)
    ordered[:, columns] = table
    numbers = np.array([classes.index(label) for label in gold])
    reference = LogisticRegression(C=0.5, max_iter=500, tol=1e-4).fit(ordered, numbers)
    expected = reference.predict_proba(ordered)
    for item, row in zip(features, expected, strict=True):
        probabilities = head.probabilities(item)
        assert list(probabilities) == list(classes)
        np.testing.assert_allclose(list(probabilities.values()), row, atol=1e-5)


def test_unknown_features_leave_the_intercept() -> None:
    head = LinearHead(
        ("a", "b"),
        {"x": 0},
        np.array([[9.0, -9.0]], dtype=np.float32),
        np.log(np.array([1, 3], dtype=np.float32)),
    )
    assert head.probabilities({"y": 5.0}) == pytest.approx({"a": 0.25, "b": 0.75})
    assert head.probabilities({}) == pytest.approx({"a": 0.25, "b": 0.75})
    assert head.probabilities({"x": 1.0})["a"] > 0.99


def test_a_class_without_an_example_is_left_out() -> None:
    examples = [({"x": 1.0}, "a"), ({"y": 1.0}, "b")] * 5
    assert fit_head(examples, ("a", "b", "c"), 1.0).classes == ("a", "b")
    with pytest.raises(ValueError, match="two classes"):
        fit_head(examples[:1] * 9, ("a", "b", "c"), 1.0)


def test_a_feature_of_two_answers_is_not_learnt() -> None:
    examples = [({"often": 1.0}, "a"), ({"often": 1.0}, "b"), ({"often": 1.0, "seldom": 1.0}, "a")] * 2
    assert list(fit_head(examples, ("a", "b"), 1.0).vocabulary) == ["often"]


def test_a_question_is_its_words_pairs_and_triples() -> None:
    assert set(question_features("Don’t you care? 12")) == {
        "q=<s>", "q=don't", "q=you", "q=care", "q=<num>", "q=<s> don't", "q=don't you", "q=you care",
        "q=care <num>", "q=<s> don't you", "q=don't you care", "q=you care <num>",
    }  # fmt: skip


def test_an_answer_is_its_ways_of_telling_and_the_shares_of_its_parts() -> None:
    features = [("tense=past", "t=NN_NN_NN"), ("tense=past", "has_i")]
    told = answer_features(features, [Label.ACTION, Label.OTHER], [3, 1])
    assert told["tense=past"] == 4
    assert told["has_i"] == pytest.approx(4 * 0.5**0.5)
    assert "t=NN_NN_NN" not in told
    assert told["share=ACTION"] == 3
    assert (told["none=RESULT"], told["none=ACTION"]) == (1, 0)


@pytest.mark.parametrize("count", [0, 1, 2, 7, 300, 20_000])
def test_an_index_finds_the_row_of_every_name_and_of_no_other(count: int) -> None:
    names = [f"w={number}" for number in range(count)]
    index = RowIndex(hashes_of(names))
    asked = random.Random(count).sample([*names, *(f"b={number}" for number in range(count + 3))], count + 2)
    rows = {name: row for row, name in enumerate(names)}
    assert index.find(hashes_of(asked)).tolist() == [rows.get(name, -1) for name in asked]
    assert index.find(hashes_of([])).tolist() == []


def test_hashes_with_the_same_first_bits_are_told_apart() -> None:
    hashes = np.array([5, -3, 4, 6, -9, 7, 8, 2**62], dtype=np.int64)
    index = RowIndex(hashes)
    assert index.find(hashes).tolist() == list(range(len(hashes)))
    assert index.find(np.array([[9, 3], [-10, -(2**62)]], dtype=np.int64)).tolist() == [[-1, -1], [-1, -1]]


def test_two_names_of_one_hash_are_refused() -> None:
    with pytest.raises(ValueError, match="same hash"):
        RowIndex(np.array([3, 8, 3], dtype=np.int64))


def test_an_index_stays_in_its_process() -> None:
    with pytest.raises(TypeError, match="its own process"):
        copy.deepcopy(RowIndex(hashes_of(["w=a"])))


def test_names_are_listed_by_their_rows() -> None:
    assert by_row({"b": 1, "a": 2, "c": 0}) == ["c", "b", "a"]
