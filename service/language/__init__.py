"""From text to clauses to labelled spans: everything that knows spaCy or the trained model."""
