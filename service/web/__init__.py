"""The service over HTTP: everything that knows Flask or gunicorn.

Importing this package imports neither numpy nor prometheus_client, because the launcher sets environment
variables that both read when they are first imported.
"""
