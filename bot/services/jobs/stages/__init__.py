"""The stages of a running job, one class each; `bot.services.jobs.job_task` decides which is next.

Stages know the `RunningJob` and the shared parts of `bot.services.jobs`, but not each other.
"""
