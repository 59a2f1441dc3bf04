"""Finished clips: lineage, history, uploads to Discord, how long files are kept."""
