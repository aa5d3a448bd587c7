"""The closed vocabularies of the project: span labels, question types, answer kinds, severities.

Everything that names a label imports it from here, so that a misspelt one cannot exist.
"""

from __future__ import annotations

from enum import StrEnum


class Label(StrEnum):
    """The part that a run of words plays in a STAR story."""

    SITUATION = "SITUATION"
    TASK = "TASK"
    ACTION = "ACTION"
    RESULT = "RESULT"
    OTHER = "OTHER"


#: The four parts of a story, in the order in which a coach names them.
COMPONENTS: tuple[Label, ...] = (Label.SITUATION, Label.TASK, Label.ACTION, Label.RESULT)


class QuestionType(StrEnum):
    """What sort of second-interview question was asked."""

    BEHAVIOURAL = "behavioural"
    ADAPT_TO_CHANGE = "adapt_to_change"
    CAREER_GOALS = "career_goals"
    MANAGEMENT_STYLE = "management_style"
    SALARY = "salary"
    REVISIT = "revisit"
    CANDIDATE_QUESTION = "candidate_question"
    OTHER = "other"


#: The types whose answer should be one story, and is held against S, T, A and R.
STORY_TYPES: frozenset[QuestionType] = frozenset({QuestionType.BEHAVIOURAL, QuestionType.ADAPT_TO_CHANGE})


class AnswerKind(StrEnum):
    """How an answer tells what it tells, after Bangerter, Corvalan and Cavin (2014)."""

    STORY = "story"
    PSEUDO_STORY = "pseudo_story"
    EXEMPLIFICATION = "exemplification"
    OPINION = "opinion"
    SELF_DESCRIPTION = "self_description"


class QuestionCategory(StrEnum):
    """What a candidate's own question asks about."""

    ROLE_CHALLENGES = "role_challenges"
    PERFORMANCE_METRICS = "performance_metrics"
    TEAM_DYNAMICS = "team_dynamics"
    GROWTH_OPPORTUNITIES = "growth_opportunities"
    COMPANY_STRATEGY = "company_strategy"
    CULTURE = "culture"
    OTHER = "other"


class QuestionForm(StrEnum):
    """How a question is asked: for an account, or for a word."""

    OPEN = "open"
    CLOSED = "closed"


class QuestionReach(StrEnum):
    """Whether a question is one for this role or company, or could be asked anywhere."""

    SPECIFIC = "specific"
    GENERIC = "generic"


class Severity(StrEnum):
    """How a finding weighs with the reader."""

    PROBLEM = "problem"
    ADVICE = "advice"
    STRENGTH = "strength"
