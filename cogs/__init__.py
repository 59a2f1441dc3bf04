"""The commands, buttons, forms, menus and replies of Discord's users.

A handler acknowledges, parses, calls one service and answers. If there is nothing to decide, it
reads a store directly. There are no business rules here, and a `try` only where people see its
outcome. May import everything below `bot.app`, but not SQLAlchemy.
"""
