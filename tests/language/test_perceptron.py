"""A perceptron of arrays says what scikit-learn's says, and takes no layers that don't fit."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

from service.language.perceptron import Layer, Perceptron, mean_logarithms


def layer(inputs: int, outputs: int, seed: int = 0) -> Layer:
    generator = np.random.default_rng(seed)
    weights = generator.normal(size=(inputs, outputs)).astype(np.float32)
    return Layer(weights, generator.normal(size=outputs).astype(np.float32))


def test_it_says_what_scikit_learn_says() -> None:
    generator = np.random.default_rng(1)
    inputs = generator.normal(size=(90, 4)).astype(np.float32)
    gold = (inputs[:, 0] > 0).astype(int) + (inputs[:, 1] > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MLPClassifier((7, 5), max_iter=30, random_state=0).fit(inputs, gold)
    pairs = zip(model.coefs_, model.intercepts_, strict=True)
    ours = Perceptron(tuple(Layer(weights, intercept) for weights, intercept in pairs))
    np.testing.assert_allclose(ours.probabilities(inputs), model.predict_proba(inputs), atol=1e-5)
    assert (ours.inputs, ours.outputs) == (4, 3)


@pytest.mark.parametrize(
    "layers",
    [
        (),
        (layer(4, 3), layer(4, 2)),
        (Layer(np.zeros((4, 3), dtype=np.float32), np.zeros(4, dtype=np.float32)),),
        (Layer(np.zeros(4, dtype=np.float32), np.zeros(4, dtype=np.float32)),),
    ],
)
def test_layers_that_do_not_fit_are_refused(layers: tuple[Layer, ...]) -> None:
    with pytest.raises(ValueError, match=r"layer|intercept"):
        Perceptron(layers)


def test_what_several_say_is_averaged_and_adds_up_to_one() -> None:
    several = [Perceptron((layer(4, 3, seed),)) for seed in (1, 2, 3)]
    inputs = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float32)
    told = mean_logarithms(several, inputs)
    np.testing.assert_allclose(np.exp(told).sum(axis=1), 1, atol=1e-4)
    product = np.prod([one.probabilities(inputs) for one in several], axis=0) ** (1 / 3)
    np.testing.assert_allclose(np.exp(told), product / product.sum(axis=1, keepdims=True), atol=1e-4)
    np.testing.assert_allclose(
        mean_logarithms(several[:1], inputs), np.log(several[0].probabilities(inputs)), atol=1e-4
    )
