"""Django's PostgreSQL backend, told the Scope at hand before every statement (see `row_security`)."""
