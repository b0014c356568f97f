"""The thinking of the watch: how bad, which case, what next, and what the ledger says of a source."""
