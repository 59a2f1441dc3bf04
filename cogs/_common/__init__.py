"""Code that several cogs share: origins of requests, answers, the request flow, finding clips.

May import what the cogs may import. None of it is a cog.
"""
