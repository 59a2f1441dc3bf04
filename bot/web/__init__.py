"""The web server: the public gallery, its API and feeds, downloads, health and metrics.

It only reads, because members act in Discord. Handlers ask a store or service, and render a
template or JSON. Imports services, stores, i18n, observability and the domain, never Discord.
"""
