"""Feedback on interview answers: which words are Situation, Task, Action, Result, and what to do next."""

__version__ = "0.1.0"
