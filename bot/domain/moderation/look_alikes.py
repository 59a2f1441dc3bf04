"""Letters that look like Latin ones.

Made from Unicode's ``confusables.txt`` (UTS #39, version 13.0,
https://www.unicode.org/Public/security/), of which only letters that look like one Latin letter are
kept, in lower case and without those that compatibility normalization already turns into it. Small
capitals, turned letters and letters that are read as another one (Cyrillic "в" as "b") are added.
A library with the whole table would take 1 to 3 MB and answers another question, whether two texts
can be confused (docs/decisions/0038-word-lists.md).
"""

from collections.abc import Mapping
from typing import Final

_LATIN_FORMS: Final[Mapping[str, str]] = {
    "a": "ɐɑᴀ",
    "ae": "æ",
    "b": "ƀƃƅɓʙꞵ",
    "c": "ȼɔᴄ",
    "d": "ðđƌɖɗᴅ",
    "e": "ǝɇəɛᴇꬲ",
    "f": "ƒɟᵮẝꜰꞙꬵ",
    "g": "ƍǥɠɡɢᶃ",
    "h": "ħɥɦʜⱨ",
    "i": "ıɨɩɪᵻᵼ",
    "j": "ɉʝᴊ",
    "k": "ƙʞᴋⱪꝁ",
    "l": "łƚǀɫɭʟ",
    "m": "ɯɱᴍ",
    "n": "ƞɲɳɴᵰ",
    "o": "øɵᴏᴑꝋꬽꬾ",
    "oe": "œ",
    "p": "ƥᴘᵽ",
    "q": "ʠꞯ",
    "r": "ɍɹɼɽɾʀᵲꭇꭈ",
    "s": "ƽʂᵴꜱ",
    "t": "ŧƭʇʈᴛᵵⱦ",
    "th": "þ",
    "u": "ʉʋᴜᵾꞟꭎꭒ",
    "v": "ʌᴠ",
    "w": "ʍᴡꝡ",
    "x": "ꭓ",
    "y": "ƴɏɣʎʏᶌỿꭚ",
    "z": "ƶȥʐᴢᵶ",
}
"""Letters of the Latin script, which are always read as the plain letter."""

_OTHER_SCRIPTS: Final[Mapping[str, str]] = {
    "a": "αλаᎪᗅꓮ",
    "b": "βбвьѣҍᏏᏴᑲᑳᖯᗷꓐ",
    "c": "сҫᏟⲥꓚ𐐽",
    "d": "δԁᎠᏧᑯᗞᗪꓒꓓ",
    "e": "εеэєҽҿᎬⴹꓰ",
    "f": "ϝքᖴꓝ",
    "g": "ԍցᏀᏳꓖ",
    "h": "нћңһӈӊհᎻᏂᏲᕼⲏꓧꚕ",
    "i": "ιіїᎥꙇ",
    "j": "ϳјᎫᒍꓙ",
    "k": "κкқҟᏦⲕꓗ",
    "l": "ӏᏞᒪⲓⳑⵏꓡꓲ𐑃",
    "m": "μмϻӎᎷᗰⲙꓟ",
    "n": "ηиպոռⲛꓠ",
    "o": "θοσоѳөօᎤᎾᏫⲟⴱⵁⵔꓳ𐐬",
    "p": "πρрᏢᑭⲣꓑ",
    "q": "ԛգզⵕ",
    "r": "гяғᎡᎱᏒᖇᴦⲅꓣ",
    "s": "ѕտᏕᏚꓢ𐑈",
    "t": "τтҭᎢⲧꓔ",
    "u": "υцսᏌᑌꓴ",
    "v": "νѵᏙᐯⴸꓦ",
    "w": "ωшщѡѽԝաᎳᏔꓪ",
    "x": "χхҳᕁᕽⲭⵝꓫ",
    "y": "γуүұᎩᎽⲩꓬ",
    "z": "ζᏃꓜ",
}
"""Letters of Greek, Cyrillic, Armenian, Cherokee and others, which may be meant as themselves."""


def _invert(letters_by_reading: Mapping[str, str]) -> dict[str, str]:
    return {
        letter: reading for reading, letters in letters_by_reading.items() for letter in letters
    }


LATIN_FORMS: Final[Mapping[str, str]] = _invert(_LATIN_FORMS)
"""The plain letter for each unusual form of a Latin one, in lower case."""
OTHER_SCRIPTS: Final[Mapping[int, str]] = {
    ord(letter): reading for letter, reading in _invert(_OTHER_SCRIPTS).items()
}
"""The Latin letter that a letter of another script looks like, for `str.translate`."""
