"""The facts and rules of requests, jobs, clips, limits, the ledger and the showcase.

Imports only the standard library and itself. So every rule about money can be read and tested
alone.
"""
