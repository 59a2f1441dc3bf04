"""The program that decodes one image of unknown content, in a process of its own.

It may import Pillow and the decoders, and nothing of the rest of the bot. The bot starts it by its
path and never imports it.
"""
