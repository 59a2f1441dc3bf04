"""The outside world of videos: Google's models on both routes, video files and input images.

Each module here implements a port of `bot.domain.ports`; what Google or a file does wrong leaves
this package only as an error of `bot.domain.errors`.
"""
