"""The parts of the Interactions API with Gemini Omni that a bot for videos needs.

It shares only files, the renderer and the settings with Veo. The format, the errors and the rules
are different.
"""
