"""Danish company numbers (CVR): eight digits with a weighted sum that eleven divides.

References:
    https://erhvervsstyrelsen.dk/modulus_11
"""

from __future__ import annotations

_WEIGHTS = (2, 7, 6, 5, 4, 3, 2, 1)


def can_exist(cvr: str) -> bool:
    """Tell whether `cvr` has the form and check sum of a real number."""
    if len(cvr) != 8 or not cvr.isascii() or not cvr.isdigit() or cvr[0] == "0":
        return False
    return sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, cvr, strict=True)) % 11 == 0
