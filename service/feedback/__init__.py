"""From labelled spans to findings, components and a score; the domain's rules are data here."""
