"""Jobs from the request to the announced end: admission, queue, worker, stages, publishing.

May import the domain, `bot.store` and the clip services, but never Discord, Google or `bot.ui`.
"""
