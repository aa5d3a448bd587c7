"""Judged answers of one batch as pages and figures that a coach can hand over.

Takes reply data only: nothing here knows spaCy, the model or the web.
"""
