"""What Discord's users touch: commands, buttons, forms, menus and replies.

Thin on purpose: a handler acknowledges, parses, calls one service and replies. Rules stand in
`bot.domain`, use cases in `bot.services`, words in the catalogue.
"""
