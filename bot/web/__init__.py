"""The web server: the public gallery, its API and feeds, downloads, health and metrics.

Read only: members act in Discord. A handler reads the request, asks a store or service, and renders
a template or JSON. Imports services, stores, i18n, observability and the domain, never Discord.
"""
