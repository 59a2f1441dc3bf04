"""What Discord's users touch: commands, buttons, forms, menus and replies.

Thin on purpose: a handler acknowledges, parses, calls one service (or reads a store where there is
nothing to decide) and answers. There are no business rules here, and a `try` only where its outcome
is something that people see. May import everything below `bot.app`, but no SQLAlchemy.
"""
