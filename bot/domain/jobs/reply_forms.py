"""The forms in which replies ask for a change of the clip, or for what happens next in it.

Forms are matched against a whole reply after `bot.domain.jobs.reply_intent` has folded it and
removed its polite words. The first match counts. A reply without a match is read as a story, which
extends the clip.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class ReplyAim(StrEnum):
    """What a reply wants done with the clip."""

    EXTEND = "extend"
    """It says what happens next."""
    EDIT = "edit"
    """It says what should be different."""
    EITHER = "either"
    """It may mean both, so its author has to choose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LanguageForms:
    """The forms of one language that is written with spaces.

    ``polite`` and ``polite_end`` match words that do not change the meaning. If a reply has words
    of ``sequence`` ("then make it night"), a change may also be what happens next. ``fragments``
    are changes that are too short or too vague to spend money on without asking. ``whole`` are
    changes that cannot be comments, even with words of comments ("a bit slower please"). A story
    with ``markers`` is ambiguous. ``allowed`` are words of comments that a change may have, such as
    "scary". A reply with ``idioms``, or with words of Discord, is meant for people.
    """

    polite: re.Pattern[str]
    polite_end: re.Pattern[str]
    sequence: re.Pattern[str]
    forms: tuple[tuple[ReplyAim, re.Pattern[str]], ...]
    fragments: re.Pattern[str]
    whole: re.Pattern[str]
    markers: re.Pattern[str]
    allowed: frozenset[str]
    idioms: re.Pattern[str]


def match_any(text: str) -> str:
    """Return a pattern for one of the words or phrases, which are separated by commas."""
    return "(?:" + "|".join(part.strip() for part in text.split(",") if part.strip()) + ")"


def compile_patterns(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


def list_forms(*forms: tuple[ReplyAim, str]) -> tuple[tuple[ReplyAim, re.Pattern[str]], ...]:
    return tuple((aim, re.compile(pattern)) for aim, pattern in forms)


def split_words(text: str) -> frozenset[str]:
    return frozenset(text.split())


EDIT: Final = ReplyAim.EDIT
EXTEND: Final = ReplyAim.EXTEND
EITHER: Final = ReplyAim.EITHER

_EN_THE: Final = match_any(
    "the,a,an,his,her,its,their,some,all,all the,every,any,both,more,less,fewer"
)
_EN_IT: Final = match_any(
    "it,him,her,them,the \\w+(?: \\w+)?,his \\w+,her \\w+,its \\w+,their \\w+"
)
_EN_COLOURS: Final = match_any(
    """red,green,blue,yellow,orange,purple,violet,pink,black,white,grey,gray,brown,golden,gold,
    silver,turquoise,dark,bright,colorful,colourful,black and white,transparent"""
)
_EN_NOUNS: Final = match_any(
    """hat,cap,glasses,sunglasses,beard,mustache,moustache,text,caption,captions,subtitles,logo,
    music,sound,sounds,voice,people,person,man,guy,woman,crowd,background,fog,mist,rain,snow,wind,
    smoke,fire,clouds,cloud,trees,tree,flowers,grass,water,waves,birds,car,cars,light,lights,
    shadow,shadows,neon,stars,blur,grain,contrast,saturation,color,colors,colour,colours,blood,
    dust,sparkles,lightning,jacket,shirt,hair,clothes"""
)
_EN_LIKE: Final = match_any(
    """cartoon,anime,painting,watercolor,watercolour,oil painting,sketch,drawing,comic,pixel art,
    claymation,lego,puppet,silent film,silhouette,hologram,origami,mosaic,statue"""
)
_EN_COMPARED: Final = match_any(
    """slower,faster,brighter,darker,lighter,warmer,colder,softer,sharper,bigger,smaller,taller,
    wider,thinner,fatter,younger,older,sunnier,moodier,rainier,foggier,snowier,blurrier,quieter,
    greener,bluer,redder,more dramatic,more colorful,more colourful,more contrast,more saturated,
    less saturated,more cinematic,less blurry,more detailed,less bright,less dark"""
)
_EN_SCENE: Final = match_any(
    """scene,shot,part,moment,ending,bit,sequence,transition,twist,plot twist,close up,closeup,
    jump scare,cut,second,seconds"""
)

ENGLISH_FORMS: Final = LanguageForms(
    polite=compile_patterns(
        "(?:please|pls|plz|ok|okay|hey|now|and|so|alright|maybe|or|also|yo|clapper|bot) ",
        r"let ?s (?=(?:make (?:it|him|her|them|the)|turn|change|add|remove|replace) )",
    ),
    polite_end=compile_patterns("(?: (?:please|pls|plz|now|for|me|thx|ty))+$"),
    sequence=compile_patterns(
        r"\b(?:then|next|suddenly|slowly|gradually|eventually|finally|later|afterwards|meanwhile"
        r"|until|halfway|while|when|after|before|after that|after a while|in the end|at the end"
        r"|at the beginning|starts?|begins?)\b"
    ),
    forms=list_forms(
        (
            EXTEND,
            rf"add (?:(?:a|an|the|another|one|\d+|some)(?: more| short| final)? )?"
            rf"(?:\w+ )?{_EN_SCENE}(?: .+)?",
        ),
        (EITHER, r"add (?:him|her|them|it|me) .+"),
        (
            EITHER,
            r"add (?:a|an|some|the)? ?(?:\w+ )?(?:explosions?|jump|dance|fight|kiss|crash"
            r"|battle|chase|twist|speech|dialog|dialogue|joke|end|camera|zoom|movement)\b.*",
        ),
        (EDIT, rf"(?:remove|erase|delete|get rid of|take (?:out|off|away)) {_EN_THE} .+"),
        (
            EDIT,
            r"(?:remove|erase|delete|get rid of|take (?:out|off|away)) (?!it\b|that\b|him from"
            r"|her from|them from)\w+(?: .+)?",
        ),
        (EDIT, rf"take (?:{_EN_THE} \w+(?: \w+)?|it|him|her|them) (?:out|off|away)(?: .+)?"),
        (EDIT, rf"(?:lose|drop|ditch|mute) {_EN_THE} (?:\w+ )?{_EN_NOUNS}\b.*"),
        (
            EDIT,
            r"turn (?:off|down|up) the (?:music|sound|voices?|brightness|contrast|saturation"
            r"|colou?rs?|fog|rain|snow)",
        ),
        (EDIT, r"swap the .+"),
        (EDIT, r"use (?:a|an) (?:different|new|darker|brighter) .+"),
        (EDIT, r"use (?:a|an|the|two) .+ instead"),
        (
            EDIT,
            r"(?:try|do|redo)(?: it)?(?: again)? (?:in (?:black and white|slow motion"
            r"|(?:\w+ ){1,3}style)|at night|with .+ instead|without .+)",
        ),
        (EDIT, r"again but .+"),
        (EDIT, rf"(?:brighter|darker|warmer|colder|softer) {_EN_NOUNS}"),
        (EXTEND, r"show (?:him|her|them|it) \w+ing\b.*"),
        (EITHER, r"(?:zoom|pan|tilt|move)\b.*\b(?:more|closer|less)"),
        (EDIT, r"(?:replace|swap|exchange|switch|substitute) .+ (?:with|for|by|to) .+"),
        (
            EDIT,
            r"change (?!of\b|is\b|comes\b|nothing|a thing|the (?:world|game|subject|topic|channel)"
            r"|places)"
            r"\w+ .+",
        ),
        (EDIT, r"change (?:to|into) .+"),
        (
            EDIT,
            rf"(?:turn|transform|convert|morph|make) {_EN_IT}(?: \w+)? (?:in ?to|to) "
            r"(?!the (?:left|right|camera|side|back|front)).+",
        ),
        (
            EDIT,
            rf"turn (?:it|him|her|them|everything|{_EN_THE} \w+(?: \w+)?) {_EN_COLOURS}(?: .+)?",
        ),
        (
            EXTEND,
            r"turn (?:around|back|away|left|right|towards?|to the|and|the camera|to face)\b.*",
        ),
        (EITHER, r"(?:turn|switch) (?!it (?:on|off|up|down)$).+"),
        (
            EDIT,
            r"(?:give|hand) (?:him|her|it|them|the \w+|the \w+ \w+|everyone|everybody) "
            r"(?!up|it|that|this|this|break|time|some time|a (?:break|rest|raise|medal|cookie"
            r"|prize|chance|minute|try|beer|hand|hug|treat|round|follow|like))\w+(?: .+)?",
        ),
        (
            EDIT,
            r"(?:put|place) (?:a|an|some|more|two|three) .+ (?:on|in|around|over|behind|next"
            r"|under|above|between|at|into|near|beside)\b.*",
        ),
        (EDIT, r"(?:put|place|set) (?:him|her|them) (?:in|into|on|at|inside|under)\b.+"),
        (
            EITHER,
            r"(?:put|place|move|raise|lower|bring) (?:the|a|an|his|her|its|him|them|some) "
            r".+",
        ),
        (EDIT, r"dress (?:him|her|them|it|the \w+|everyone)(?: up)? (?:as|in|like) .+"),
        (EDIT, rf"(?:paint|colou?r|recolou?r|tint|dye) {_EN_THE} .+"),
        (
            EDIT,
            r"(?:brighten|darken|lighten|sharpen|soften|desaturate|saturate|stylize|restyle"
            r"|colorize|colourize|relight|blur|mirror|flip) (?:up )?(?:it|him|her|them|the|his"
            r"|its|their|everything)\b.*",
        ),
        (EDIT, r"set (?:it|the scene|the whole thing|everything) (?:in|at|during|to) .+"),
        (EDIT, r"(?:slow|speed) (?:it|him|her|them|the \w+|everything)(?: \w+)? (?:down|up)\b.*"),
        (EDIT, r"(?:slow down|speed up) (?:the|his|her|its|their) .+"),
        (
            EXTEND,
            r"slow (?:\w+ )?(?:zoom|pan|push|dolly|tilt|tracking|orbit|pull|fade|dissolve)\b.*",
        ),
        (EITHER, r"slow .+"),
        (
            EITHER,
            r"(?:use|fix|cover|fill|decorate|dim|crop|bring back|redraw) (?:a|an|the|his|her"
            r"|its|their) .+",
        ),
        (EDIT, r"keep .+ but .+"),
        (
            EXTEND,
            r"keep (?:going|running|walking|flying|dancing|driving) (?:until|into|to|towards)"
            r" .+",
        ),
        (
            EDIT,
            r"without (?:the|any|his|her|its|their|all)(?: the)? (?!doubt|question|fail|help"
            r"|need)\w+(?: .+)?",
        ),
        (EDIT, rf"(?:without|no|no more) (?:\w+ )?{_EN_NOUNS}(?: (?:in|on|at|and) .+)?"),
        (EDIT, r"(?:the )?same(?: (?:thing|scene|shot|one))?(?: again)? but .+"),
        (EDIT, r"(?:but )?in the style of .+"),
        (EDIT, r"(?:but )?(?:in|as) (?:a |an )?(?:\w+ ){1,3}style"),
        (EDIT, r"(?:but )?in (?:black and white|slow motion|slow mo|slowmo|monochrome|sepia)"),
        (EDIT, rf"(?:but )?as (?:a|an) (?:\w+ )?{_EN_LIKE}(?: .+)?"),
        (EDIT, r"(?:with )?(?:a|an|two|some|the) (?:\w+ ){1,3}instead(?: of .+)?"),
        (EDIT, r"(?:at|in|on|during) (?:the )?\w+(?: \w+)? instead(?: of .+)?"),
        (EITHER, r"show (?:it|him|her|them)\b.*"),
        (
            EITHER,
            r"(?:let|have) .+ (?:wear|be|have|hold|rain|snow|glow|shine|sparkle|disappear"
            r"|vanish)\b.*",
        ),
        (EITHER, r"(?:let) it (?:rain|snow|hail|be)\b.*"),
        (
            EXTEND,
            r"(?:zoom|pan|tilt|dolly|cut|fade|follow|track|orbit|reveal|continue|pull|push"
            r"|rotate|spin|let|have|show|open|close|start|begin|move) .+",
        ),
        (
            EDIT,
            r"add (?!(?:a|the|an) (?:link|comment|reaction|like|source|poll)|credits?\b|one\b"
            r"|on\b)(?:\w+)(?: .+)?",
        ),
        (EITHER, r"(?:animate|transform|morph|remove|replace|raise|lower) .+"),
    ),
    fragments=compile_patterns(
        _EN_COMPARED,
        rf"(?:with )?(?:more|less|fewer|no|without) {_EN_NOUNS}(?: .+)?",
        r"(?:but )?with (?:a|an|some|more|less|two|three) (?:\w+ ?){1,4}",
        r"but (?:make it|at|as|in|with|without) .+",
        r"black and white|monochrome|sepia|slow motion|slow mo",
        r"(?:\w+ ){1,2}style",
        r"at (?:night|sunset|sunrise|dawn|dusk)",
        r"(?:only|just) (?:at night|without .+)",
    ),
    whole=compile_patterns(
        rf"(?:(?:a bit|a little|a little bit|slightly|a touch|a tad|somewhat) )?{_EN_COMPARED}"
        rf"(?: and {_EN_COMPARED})*",
    ),
    markers=compile_patterns(
        r"\b(?:instead|in black and white|in the style of|but (?:in|at|with|without|make|as))\b"
    ),
    idioms=compile_patterns(
        r"\b(?:sticker|emoji|icon|server|famous|credit|doubt|cart|queue|pfp|avatar|profile|lag"
        r"|servers|subscribe|dinner|lunch|goalposts|fame|charge|most of it|day off|hunger games"
        r"|weekly|daily|station|lanes|they said|who asked|take it away|pants on|follow the"
        r"|same but different|to the chase|pull the plug|a cookie|a medal|a brain|of work|cut the"
        r"|zoom in and (?:look|see|watch|enhance)|again but (?:why|how|who|when))\b"
    ),
    allowed=split_words(
        """sound sounds realistic natural scary creepy cute epic magical weird smooth clean crisp
        terrifying funny crazy happy quality resolution wild adorable style"""
    ),
)
