"""The page of ``make play``: a small Discord in the browser, in which a person uses any bot.

The page is plain modules and CSS in ``static``. It acts through a small API, whose calls run the
code that the control API uses, and one WebSocket, which tells it what that person's client would
see. ``origin`` refuses other web pages, because this API asks for no password.
"""

from sandbox.play.origin import build_origin_check
from sandbox.play.routes import Play

__all__ = ["Play", "build_origin_check"]
