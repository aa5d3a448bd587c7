"""A corpus so small that a model learns it by heart in seconds."""

from __future__ import annotations

import itertools
from dataclasses import replace

from training.corpus import LabelledAnswer

from .answers import marked

SITUATIONS = (
    "Last year our bakery was short of staff.",
    "In March the office was moving to another town.",
    "There was a flood in our shop last winter.",
    "Our old van was always breaking down last summer.",
    "The new till was crashing every evening in May.",
)
TASKS = (
    "I had to keep the shop open.",
    "I was asked to sort it out by Friday.",
    "My job was to find a way by noon.",
    "I had to get it done in two weeks.",
)
ACTIONS = (
    "I rang every customer and I wrote a list, so I asked two friends to help.",
    "I drew up a plan and I showed it to my boss, then I called the supplier.",
    "I sat down with the team and I asked each of them, then I wrote a new rota.",
)
RESULTS = (
    "In the end we sold twice as much.",
    "As a result nobody had to wait and we saved 300 pounds.",
    "By June complaints had dropped by half.",
)
HABITS = (
    "I always stay calm and I usually listen first.",
    "I think a good leader should listen.",
    "In general I would say that I like people.",
)


def answers() -> list[LabelledAnswer]:
    """Return sixty answers: stories with and without a result, and answers that tell none."""
    told = []
    whole = itertools.product(SITUATIONS, TASKS)
    for number, (situation, task) in enumerate(whole):
        action, result = ACTIONS[number % 3], RESULTS[number % 3]
        told.append(marked(f"[S] {situation} [T] {task} [A] {action} [R] {result}", score=4))
        told.append(
            marked(
                f"[S] {situation} [T] {task} [A] {action}",
                components={"S": 2, "T": 2, "A": 2, "R": 0},
                findings=("result.missing",),
                score=2,
            )
        )
        told.append(
            marked(
                f"[O] {HABITS[number % 3]} {HABITS[(number + 1) % 3]}",
                question="How do you want to be managed?" if number % 2 else "Tell me about a time.",
                question_type="management_style" if number % 2 else "behavioural",
                answer_kind=None if number % 2 else "opinion",
                components=None if number % 2 else dict.fromkeys("STAR", 0),
                findings=() if number % 2 else ("story.absent",),
                score=2,
            )
        )
    return [
        replace(answer, id=f"tiny-{number}", meta={"batch": f"b{number % 7}"})
        for number, answer in enumerate(told)
    ]
