"""Keeps catalogs in step with the code, and quotes in documents with English (`make messages`)."""
