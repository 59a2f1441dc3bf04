"""Finished clips: lineage, history, uploads to Discord and the retention of files."""
