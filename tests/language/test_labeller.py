"""Decoding over the whole answer, held against trying every labelling; and joining clauses to spans."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray

from service.labels import Label
from service.language.heads import softmax, summed_rows
from service.language.labeller import (
    LABELS,
    REACH,
    Chain,
    Labeller,
    block_rows,
    context_features,
    join_spans,
    second_columns,
    second_inputs,
)
from service.language.perceptron import Layer, Perceptron
from service.records import Clause


def every_path(chain: Chain, scores: NDArray[np.float64]) -> dict[tuple[int, ...], float]:
    """Return the log-score of every labelling."""
    count, classes = scores.shape
    return {
        path: sum(scores[k, label] for k, label in enumerate(path))
        + sum(chain.moves[a, b] for a, b in itertools.pairwise(path))
        for path in itertools.product(range(classes), repeat=count)
    }


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("count", [1, 2, 5])
def test_decoding_finds_what_trying_everything_finds(seed: int, count: int) -> None:
    generator = np.random.default_rng(seed)
    chain = Chain(generator.normal(0, 1.5, (len(LABELS), len(LABELS))))
    scores = generator.normal(0, 1, (count, len(LABELS)))
    paths = every_path(chain, scores)
    best = max(paths, key=lambda path: paths[path])
    assert tuple(chain.best(scores)) == best

    weights = {path: np.exp(value) for path, value in paths.items()}
    total = sum(weights.values())
    expected = np.zeros_like(scores)
    for path, weight in weights.items():
        for k, label in enumerate(path):
            expected[k, label] += weight / total
    np.testing.assert_allclose(chain.marginals(scores), expected, atol=1e-12)


def test_ties_go_to_the_first_label() -> None:
    assert Chain(np.zeros((5, 5))).best(np.zeros((3, 5))) == [0, 0, 0]


def test_a_chain_of_a_thousand_clauses_keeps_its_probabilities() -> None:
    generator = np.random.default_rng(1)
    marginals = Chain(generator.normal(0, 2, (5, 5))).marginals(generator.normal(0, 9, (1000, 5)))
    assert np.isfinite(marginals).all()
    np.testing.assert_allclose(marginals.sum(axis=1), 1)


def test_the_moves_of_the_chain_decide_between_equal_clauses() -> None:
    moves = np.full((5, 5), -5.0)
    moves[0, 1] = moves[1, 2] = 0
    scores = np.zeros((3, 5))
    scores[0, 0] = 1
    assert Chain(moves).best(scores) == [0, 1, 2]


def test_a_clause_sees_itself_and_its_neighbours() -> None:
    vocabulary = {"w=a": 0, "w=b": 1, "at=1": 2, "b=a b": 3}
    rows = block_rows([["w=a", "at=1", "unknown"], ["w=b", "b=a b"]], vocabulary)
    size = len(vocabulary)
    # Itself; nobody before (the last row but one); of the one after only what is looked at in neighbours.
    assert rows[0].tolist() == [0, 2, 3 * size, 2 * size + 1]
    assert rows[1].tolist() == [1, 3, size + 0, 3 * size + 1]


def test_rows_are_summed_and_an_unknown_clause_has_nothing() -> None:
    weights = np.arange(10, dtype=np.float32).reshape(5, 2)
    rows = [np.array([0, 4], dtype=np.intp), np.array([], dtype=np.intp), np.array([2], dtype=np.intp)]
    assert summed_rows(weights, rows).tolist() == [[8, 10], [0, 0], [4, 5]]


def test_softmax_stands_large_scores() -> None:
    np.testing.assert_allclose(
        softmax(np.array([[1000.0, 1000.0], [0.0, -1000.0]])), [[0.5, 0.5], [1.0, 0.0]]
    )


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_the_context_of_a_clause_is_finite_and_of_one_width(count: int) -> None:
    first = softmax(np.random.default_rng(count).normal(0, 2, (count, len(LABELS))))
    context = context_features(first)
    assert context.shape == (count, context_features(first[:1]).shape[1])
    assert np.isfinite(context).all()


def tiny_labeller() -> Labeller:
    vocabulary = {f"w={label.value}": row for row, label in enumerate(LABELS)}
    rows = 3 * len(vocabulary) + 2
    weights = np.zeros((rows, len(LABELS)), dtype=np.float32)
    weights[: len(LABELS)] = 5 * np.eye(len(LABELS))
    zeros = np.zeros(len(LABELS), dtype=np.float32)
    points = np.eye(len(LABELS), dtype=np.float32)
    second = np.zeros((second_columns(len(LABELS)), len(LABELS)), dtype=np.float32)
    second[REACH * len(LABELS) :][: len(LABELS)] = 20 * points
    perceptron = Perceptron((Layer(second, zeros),))
    return Labeller(vocabulary, weights, zeros, points, (perceptron,), Chain(np.zeros((5, 5))), 1.0)


def clause(number: int, *features: str, words: int = 2) -> Clause:
    return Clause(10 * number, 10 * number + 9, words, 0, features)


def test_each_clause_gets_its_label_and_a_confidence() -> None:
    clauses = [clause(number, f"w={label.value}") for number, label in enumerate(LABELS)]
    labelled = tiny_labeller().label(clauses)
    assert tuple(label for label, _ in labelled) == LABELS
    assert all(0.9 < confidence <= 1 for _, confidence in labelled)


def test_a_clause_of_unknown_features_gets_an_unsure_label() -> None:
    ((_, confidence),) = tiny_labeller().label([clause(0, "w=unseen")])
    assert confidence == pytest.approx(1 / len(LABELS))


def test_a_labeller_finds_the_rows_of_a_table_look_up() -> None:
    vocabulary = {"at=1": 3, "w=a": 2, "b=a b": 0, "w=b": 1}
    generator = np.random.default_rng(4)
    zeros = np.zeros(len(LABELS), dtype=np.float32)
    table = generator.normal(size=(3 * len(vocabulary) + 2, len(LABELS))).astype(np.float32)
    embedding = generator.normal(size=(len(vocabulary), 3)).astype(np.float32)
    last = generator.normal(0, 0.1, (second_columns(3), len(LABELS))).astype(np.float32)
    perceptron = Perceptron((Layer(last, zeros),))
    chain = Chain(np.zeros((len(LABELS), len(LABELS))))
    labeller = Labeller(vocabulary, table, zeros, embedding, (perceptron,), chain, 1.0)
    features = [["w=a", "at=1", "unknown"], [], ["b=a b", "w=b", "w=a"]]
    first = softmax(summed_rows(table, block_rows(features, vocabulary)))
    points = np.array([embedding[2] + embedding[3], 0 * embedding[0], embedding[:3].sum(axis=0)])
    inputs = second_inputs(points, first)
    np.testing.assert_allclose(labeller.inputs(features), inputs, atol=1e-6)
    scores = np.log(perceptron.probabilities(inputs))
    np.testing.assert_allclose(labeller.log_scores(features), scores, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_points_stand_beside_their_neighbours_and_zeros_beside_the_ends(count: int) -> None:
    points = np.arange(1, 2 * count + 1, dtype=np.float64).reshape(count, 2)
    inputs = second_inputs(points, np.full((count, len(LABELS)), 0.2))
    assert inputs.shape == (count, second_columns(2))
    for number in range(count):
        for place, distance in enumerate(range(-REACH, REACH + 1)):
            seen = inputs[number, 2 * place : 2 * place + 2].tolist()
            inside = 0 <= number + distance < count
            assert seen == (points[number + distance].tolist() if inside else [0, 0])


def test_no_clauses_have_no_labels() -> None:
    assert tiny_labeller().label(()) == ()
    assert join_spans((), ()) == ()


def test_neighbours_of_one_label_are_joined_and_confidence_is_weighed_by_words() -> None:
    clauses = [clause(0, words=1), clause(1, words=3), clause(2), clause(3)]
    labels = [(Label.ACTION, 0.4), (Label.ACTION, 0.8), (Label.RESULT, 0.9), (Label.ACTION, 0.5)]
    spans = join_spans(clauses, labels)
    assert [(span.start, span.end, span.label) for span in spans] == [
        (0, 19, Label.ACTION), (20, 29, Label.RESULT), (30, 39, Label.ACTION),
    ]  # fmt: skip
    assert [span.confidence for span in spans] == pytest.approx([0.7, 0.9, 0.5])
