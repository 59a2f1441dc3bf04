"""Keeps the catalogues of texts in step with the code and with English (`make messages`)."""
