"""Labelled answers in the files of other tools: one module a format, ``registry`` names them all."""
