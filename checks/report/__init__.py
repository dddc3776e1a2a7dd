"""The report of a run: HTML in two languages, JUnit XML, and the evidence beside it."""
