"""Compiled kernels: bytes of many flat JSON lines → a code per row and column, and codes → candidates and verdicts.

`words` has the machine's vector and 64-bit operations, `reading` the reader of lines, `matching` candidates and the
memory of verdicts, `folding` the text that literals are looked for in, `tables` the arrays they share, `plain` the
reader's twin in plain Python. Compiled on first use and kept in NUMBA_CACHE_DIR; nothing here holds the GIL
while it runs.
"""
