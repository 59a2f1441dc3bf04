"""Clapper, a Discord bot that makes, extends and shares videos with Google's models.

The rooms below import one way only: cli > app > (cogs | web) > discord > ui > services >
(store | google | media) > transfer > (i18n | observability) > domain. `config` is read by `app` and
`cli` only. `docs/architecture.md` shows what lives where.
"""
