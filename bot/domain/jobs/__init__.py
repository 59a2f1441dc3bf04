"""Requests, the rules that turn them into plans, and the states of jobs."""
