"""A program that decodes one untrusted image in a separate process.

It may import Pillow and the decoders, but nothing else of the bot. The bot starts it by its path
and never imports it.
"""
