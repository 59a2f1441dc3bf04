"""The web server: the public gallery, its API and feeds, and what operators watch.

Handlers read the request, ask one port of the domain and hand the answer to a template. Nothing
here changes anything: whoever wants to act does so in Discord.
"""
