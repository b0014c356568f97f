"""What numba does not have: unaligned loads, 32 bytes at once, and the product of two 64-bit words folded together.

Loads take an array of bytes and a place; the caller owes that `place + 32` (or 8) bytes are there. Arrays that are read
so are padded with PAD bytes.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

PAD = 64
_BYTE, _WORD, _WIDE = ir.IntType(8), ir.IntType(64), ir.IntType(128)
_VECTOR = ir.VectorType(_BYTE, 32)


def _pointer(context: Any, builder: Any, kind: Any, array: Any, place: Any, to: Any) -> Any:
    data = context.make_array(kind)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [place]), to.as_pointer())


def _splat(value: int) -> Any:
    return ir.Constant(_VECTOR, [value] * 32)


@intrinsic
def special_bytes(typing_context, array, place):  # type: ignore[no-untyped-def]
    """Return a bit for each of 32 bytes that is a quote, a backslash, below 0x20 or above 0x7f."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        vector = builder.load(_pointer(context, builder, signature.args[0], given[0], given[1], _VECTOR), align=1)
        quote = builder.icmp_unsigned("==", vector, _splat(0x22))
        backslash = builder.icmp_unsigned("==", vector, _splat(0x5C))
        # Signed: bytes above 0x7f are negative.
        other = builder.icmp_signed("<", vector, _splat(0x20))
        found = builder.bitcast(builder.or_(builder.or_(quote, backslash), other), ir.IntType(32))
        return builder.zext(found, _WORD)

    return types.uint64(array, types.int64), generate


@intrinsic
def equal_bytes(typing_context, left, left_place, right, right_place):  # type: ignore[no-untyped-def]
    """Return a bit for each of 32 bytes in which two arrays are equal."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        one = builder.load(_pointer(context, builder, signature.args[0], given[0], given[1], _VECTOR), align=1)
        other = builder.load(_pointer(context, builder, signature.args[2], given[2], given[3], _VECTOR), align=1)
        return builder.zext(builder.bitcast(builder.icmp_unsigned("==", one, other), ir.IntType(32)), _WORD)

    return types.uint64(left, types.int64, right, types.int64), generate


@intrinsic
def load_word(typing_context, array, place):  # type: ignore[no-untyped-def]
    """Return 8 bytes as one number."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load(_pointer(context, builder, signature.args[0], given[0], given[1], _WORD), align=1)

    return types.uint64(array, types.int64), generate


@intrinsic
def trailing_zeros(typing_context, word):  # type: ignore[no-untyped-def]
    """Return the place of the lowest bit that is set; 64 where none is."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.cttz(given[0], ir.Constant(ir.IntType(1), 0))

    return types.int64(types.uint64), generate


@intrinsic
def folded_product(typing_context, left, right):  # type: ignore[no-untyped-def]
    """Return the high half of the 128-bit product XOR its low half (the step of wyhash)."""

    def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        product = builder.mul(builder.zext(given[0], _WIDE), builder.zext(given[1], _WIDE))
        high = builder.trunc(builder.lshr(product, ir.Constant(_WIDE, 64)), _WORD)
        return builder.xor(high, builder.trunc(product, _WORD))

    return types.uint64(types.uint64, types.uint64), generate
