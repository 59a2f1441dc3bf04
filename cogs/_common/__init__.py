"""What several cogs share: who asks, how they are answered, the request flow, and finding clips.

May import what the cogs may import; nothing here is a cog.
"""
