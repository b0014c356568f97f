"""The log pipeline: doors, journal, normalisers, detection, lake and search. A library that knows no Django."""
