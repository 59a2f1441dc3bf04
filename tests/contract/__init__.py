"""Tests of the store and services, each run on SQLite and on PostgreSQL."""
