"""A Django app of models made to be attacked; installed only while `conftest.specimens` runs."""
