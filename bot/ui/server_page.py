"""What an admin reads after saving the server's page in the web gallery."""

from collections.abc import Iterable, Mapping
from typing import Final

from bot.domain.showcase.server_page import PageField
from bot.i18n.catalogs import translate
from bot.i18n.formatting import format_excerpt

_SHOWN_LENGTH: Final = 60
_UNUSABLE_KEYS: Final = {
    PageField.ACCENT: "server_page.accent_unusable",
    PageField.INVITE: "server_page.invite_unusable",
}


def format_saved_page(
    form: Mapping[PageField, str],
    unusable: Iterable[PageField],
    locale: str | None,
    *,
    is_public: bool,
    address: str | None,
) -> str:
    """Return where the page is, and which fields of the form could not be used.

    ``is_public`` says whether the server's gallery is public; without an ``address`` nobody outside
    can see it.
    """
    if not is_public:
        lines = [translate("server_page.not_public", locale)]
    elif address is None:
        lines = [translate("showcase_settings.public_without_address", locale)]
    else:
        lines = [translate("server_page.saved", locale, link=address)]
    for field in unusable:
        text = format_excerpt(form[field].strip(), _SHOWN_LENGTH)
        lines.append(translate(_UNUSABLE_KEYS[field], locale, text=text))
    return "\n".join(lines)
