"""A naive Sigma evaluator, written straight from the Sigma 2.1 specification. Tests only.

It shares no code with the engine: not pySigma, not the folding, not the routing. One rule and one event at a time, no
compilation, no caching. Where the engine and this disagree, read the specification.
"""

from tests.reference_sigma.evaluate import NotSupported, matches

__all__ = ["NotSupported", "matches"]
