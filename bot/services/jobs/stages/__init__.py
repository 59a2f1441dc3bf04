"""The stages of a running job; `bot.services.jobs.job_task` decides which is next.

Stages may import `RunningJob` and the shared parts of `bot.services.jobs`, but not each other.
"""
