"""Batches that outlive a request: kept in a database, judged by a process of their own, erased in time.

Knows neither the web nor spaCy; what judges the rows is ``service.batch``.
"""
