"""Labelled data in, a checked model folder out. Imports ``service``; never the reverse."""
