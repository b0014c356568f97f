"""Correlation: rules over the matches of other rules, in event time, with late events and revision.

`correlation` has the rules as values, `parse` and `resolve` make them, `entries` reads what they need out of a batch,
`measures` and `episodes` decide (pure), `correlator` keeps the state. docs/reference/sigma.md says what a correlation
means here.
"""
