"""What a request, a job, a clip, a model's rules, a quota and a person rule are.

Pure: nothing here knows Discord, Google, a database or the network, so every rule that decides
over money can be read and tested alone.
"""
