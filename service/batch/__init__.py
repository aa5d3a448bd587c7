"""Many answers: rows of a file in, a line of JSON for each out, by as many processes as one likes.

Importing this package and what is in it imports neither numpy nor spaCy: the processes that judge set the
threads of the numeric libraries before they load them.
"""
