"""Networks in DuckDB, whose own address type is an extension that we do not have."""

from __future__ import annotations

import functools
import ipaddress

import duckdb
import pyarrow as pa
from duckdb.func import PythonUDFType

FUNCTION = "samdrift_address_between"


def bounds_of(text: str) -> tuple[str, str] | None:
    """Return the first and last address of a network or a single address. None where it is neither."""
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    return str(network[0]), str(network[-1])


def register(connection: duckdb.DuckDBPyConnection) -> None:
    """Make FUNCTION(address, first, last) known to one connection; null for what is no address."""
    connection.create_function(
        FUNCTION, _between, ["VARCHAR", "VARCHAR", "VARCHAR"], "BOOLEAN", type=PythonUDFType.ARROW
    )


def _between(addresses: pa.ChunkedArray, first: pa.ChunkedArray, last: pa.ChunkedArray) -> pa.Array:
    if not len(addresses):
        return pa.array([], pa.bool_())
    low, high = _number(first[0].as_py()), _number(last[0].as_py())
    encoded = addresses.combine_chunks()
    if not pa.types.is_dictionary(encoded.type):
        encoded = encoded.dictionary_encode()
    verdicts = pa.array([_is_between(text, low, high) for text in encoded.dictionary.to_pylist()], pa.bool_())
    return verdicts.take(encoded.indices)


def _is_between(text: str | None, low: tuple[int, int] | None, high: tuple[int, int] | None) -> bool:
    number = _number(text) if text else None
    return number is not None and low is not None and high is not None and low <= number <= high


@functools.lru_cache(maxsize=65_536)
def _number(text: str) -> tuple[int, int] | None:
    """Return (version, number). An IPv4 address written as IPv6 is the IPv4 address."""
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    final = mapped or address
    return final.version, int(final)
