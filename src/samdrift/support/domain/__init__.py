"""The thinking about tickets: which step follows which, what is due when, how words are found."""
