"""Every format that labelled answers are read from and written to; a new one is added here."""

from __future__ import annotations

from collections.abc import Mapping

from training.formats.corrections import CORRECTIONS
from training.formats.docbin import DOCBIN
from training.formats.doccano import DOCCANO
from training.formats.label_studio import LABEL_STUDIO
from training.formats.prodigy import PRODIGY
from training.formats.records import Format
from training.formats.sentence_table import CSV

FORMATS: Mapping[str, Format] = {
    form.name: form for form in (PRODIGY, DOCCANO, LABEL_STUDIO, DOCBIN, CSV, CORRECTIONS)
}
#: Those that answers can be exported to, and those that show a model's guesses.
EXPORTS = tuple(name for name, form in FORMATS.items() if form.write is not None)
SUGGESTIONS = tuple(name for name, form in FORMATS.items() if form.takes_suggestions)
