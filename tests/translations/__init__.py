"""Keeps catalogues in step with the code, and documents with English (`make messages`)."""
