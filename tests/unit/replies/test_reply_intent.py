"""What a reply means: comments never spend, directions do, and disguises change nothing."""

from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.jobs.reply_intent import (
    ReplyKind,
    asks_for_video,
    fold_label,
    has_pictured_words,
    read_reply,
)
from bot.ui.button_words import list_button_words
from bot.ui.custom_ids import ButtonAction

DIRECTIONS: Final = (
    "the fox jumps over the fence",
    "then it turns around and runs away",
    "make him dance",
    "zoom out to reveal the city",
    "a dragon appears in the sky",
    "Cem goes on",
    "suddenly it starts raining",
    "and then the dog barks at the moon",
    "it jumps over the moon",
    "the camera slowly moves back",
    "slowly pan to the left",
    "make it snow",
    "birds fly over the sea",
    "they start dancing in the street",
    'the man says "I love you"',
    "the fox looks up at the camera",
    "the cat walks away",
    "let the fox sleep",
    "add a dragon in the background",
    "an explosion throws him back",
    "two dogs chase the cat",
    "the paper boat sails out to the open sea",
    "it sails away into the sunset",
    "he opens the door and a bright light shines through",
    "the lantern rises into the night sky",
    "the boat reaches the sea",
    "der Fuchs springt über den Zaun",
    "dann springt der Fuchs über den Zaun",
    "plötzlich fängt es an zu regnen",
    "die Kamera fährt langsam zurück",
    "lass ihn tanzen und singen",
    "er dreht sich um und läuft weg",
    "le renard saute par-dessus la clôture",
    "puis il se retourne et s'enfuit en courant",
    "soudain, il commence à pleuvoir",
    "fais-le danser sous la pluie",
    "la caméra recule lentement",
    "le chien sort du jardin",
    "el zorro salta la valla",
    "luego se da la vuelta y corre",
    "de repente empieza a llover",
    "haz que baile bajo la lluvia",
    "la cámara retrocede lentamente",
    "狐狸跳过栅栏，回头看向镜头",
    "然后它转身跑开了",
    "镜头慢慢拉远，露出整座城市",
    "让他跳一支舞",
    "突然下起了大雨",
    "一只可爱的小狗跑过来",
    "キツネが柵を飛び越えて振り返る",
    "突然雨が降り始める",
    "カメラがゆっくり引いていく",
    "彼を踊らせてください",
    "犬が走って海に飛び込む",
    "そして空に龍が現れる",
    "please make it rain",
    'the woman whispers: "come closer" and walks away',
    'der Mann sagt: "Ich liebe dich"',
    "男人说：“我爱你”",
    "狗追着猫跑进了森林",
    "镜头环绕城堡旋转",
    "a huge wave crashes over the boat",
    "open the door and walk outside",
    "show the city from above",
    "have the dog bark twice",
    "the sun rises over the mountains and the birds start singing",
    "she smiles and waves at the camera",
    "el perro ladra y sale corriendo",
    "la niña sonríe y saluda a la cámara",
    "la fille sourit et salue la caméra",
    "die Katze springt auf den Tisch",
)
"""Each says what the video shows next."""
COMMENTS: Final = (
    "nice!",
    "lol",
    "👏",
    "gg",
    "what prompt did you use?",
    "https://example.com/x",
    "haha amazing work dude",
    "love this one so much",
    "太好看了吧",
    "this is so cool",
    "I can't believe how good this looks",
    "that fox looks so real",
    "the lighting is insane",
    "my dog does that too",
    "wow the fox really jumps",
    "reminds me of Pixar",
    "someone give this man an oscar",
    "you should post this on youtube",
    "thanks for making this",
    "the cat looks like mine",
    "best one so far",
    "10/10 would watch again",
    "take my money already",
    "it works now",
    "the ending got me",
    "he just vibes",
    "it took forever to render",
    "the way he dances",
    "keep up the good work",
    "let him cook",
    "let's go!!!",
    "make more of these",
    "make it make sense",
    "how did you make the fox jump like that",
    "which model is that",
    "can you make him dance?",
    "what happens next?",
    "does it always look like that",
    "the physics are a bit off",
    "lmaooo he fell",
    "so cute omg",
    "more please",
    "I want to see the dog jump over the fence",
    "this made my day",
    "ngl that is fire",
    "can't stop watching",
    "the fox has too many legs",
    "sieht echt geil aus",
    "das ist ja mega gut geworden",
    "wie hast du das gemacht",
    "der Hund sieht aus wie meiner",
    "richtig stark gemacht, weiter so",
    "j'adore le renard qui saute",
    "c'est trop beau franchement",
    "comment tu as fait ça",
    "on dirait un vrai film",
    "le rendu est incroyable",
    "qué chulo te ha quedado",
    "me encanta cómo salta el zorro",
    "cómo lo has hecho",
    "el zorro parece de verdad",
    "jajaja muy bueno tío",
    "这也太好看了吧",
    "哈哈哈笑死我了",
    "用的什么提示词？",
    "大佬牛逼啊",
    "狐狸跑得真快",
    "看了三遍还想看",
    "求提示词怎么写",
    "可以让他跳舞吗？",
    "すごいですね！",
    "めっちゃ可愛いwww",
    "プロンプト教えてください",
    "これどうやって作ったの？",
    "最高すぎる",
    "本当に走ってるみたい",
    "神動画ありがとうございます",
    "it is what it is",
    "no way this is ai",
    "the dog is so happy",
    "he looks like my uncle",
    "bro thinks he is in a movie",
    "when the bass drops",
    "imagine if the cat could talk",
    "someone make this a movie",
    "that's what she said",
    "ok that was unexpected",
    "classic Ada move right there",
    "remember when we made those",
    "pure cinema right there",
    "reply to this if you agree",
    "saw this on tiktok",
    "good morning everyone",
    "happy birthday to Cem",
    "be right back later",
    "the dog runs like crazy lol",
    "is the dog running away",
    "wait for the end",
    "first comment here",
    "see you all tomorrow",
    "need a longer version of this",
    "could you send me the file",
    "Congrats on the first clip",
    "send it to Dia please",
    "Dia look at this one",
    "show this to your mom",
    "no idea what happens here",
    "absolutely stunning visuals",
    "sick transition at the end",
    "10 out of 10",
    "big if true",
    "not gonna lie it slaps",
    "the colors pop nicely",
    "it came out great",
    "what a shot",
    "cool cool cool",
    "here we go again",
    "merci pour la video",
    "un grand bravo à toi",
    "gracias por el video",
    "muchas gracias a todos",
    "vielen dank für das video",
    "der clip ist super geworden",
    "schöner clip mein lieber",
    "das Licht ist traumhaft",
    "el final es lo mejor",
    "la luz es preciosa",
    "le chien est trop mignon",
    "la fin est géniale",
    "光影效果很棒",
    "做得不错",
    "可以的兄弟",
    "学到了学到了",
    "火钳刘明前排围观",
    "笑出声了",
    "いい感じですね",
    "音楽も素敵です",
    "次も楽しみにしています",
    "the music goes hard",
    "it plays fine on mobile",
    "da kommt Freude auf",
    "la suite arrive bientôt",
    "动作流畅自然",
    "跟游戏CG一样",
    "把链接发一下谢谢",
    "动きが自然で良い",
    "3回見ました",
    "turn the volume up please",
    "please move it to another channel",
    "please remove it",
    "move over pixar",
    "make it a series",
    "a standing ovation for Ada",
    "slow clap for Cem",
    "Ehre geht raus an Cem",
    "life goes on",
    "it takes ages to load",
    "there goes the neighborhood",
    "put it on a shirt",
    "el zorro la rompe",
    "涙が止まらない",
    "キャラの動きがいい",
    "it moves like a real fox",
    "let it go already",
    "time flies so fast",
    "ok but who made it",
    "same energy as the last one",
    "this is why we have this bot",
    "nice one @Cem",
    "❤️❤️❤️",
    "<:pog:123456789012345678>",
    "<:pog:123456789012345678> <:pog:123456789012345678> <:pog:123456789012345678>",
    ":joy: :joy: :joy:",
    "what",
    "why tho",
    "W",
    "the fox go brrr",
    "Clapper is the best bot ever",
    "bravo à toute l équipe",
    "c'est magnifique",
    "wer hat das gemacht",
    "kannst du den Hund tanzen lassen?",
    "puedes hacer que baile?",
    "tu peux le faire danser ?",
    "踊らせてくれますか？",
    "great",
    "yes please",
    "+1",
    "^^",
    ":D",
    "xD",
    "...",
    "!!!",
    "12345",
    "no",
)
"""What people write under a clip without meaning the bot."""

GLUED_SIGNS: Final = (
    "👏",
    "🎬",
    "❤️",
    "Ⓜ️",
    "\u200b",
    "\u2060",
    "\ufe0f",
    "\u00ad",
    ".",
    ",",
    "~",
    "*",
)
"""What can stand anywhere, even in a word, and shows nothing or no letter."""
LOOSE_SIGNS: Final = (
    ":)",
    "xD",
    "!!!",
    "…",
    "<3",
    ":joy:",
    "<:pog:123456789012345678>",
    "^^",
    "👏👏",
    "-",
)
"""What people put between words."""


@pytest.mark.parametrize("text", DIRECTIONS)
def test_directions_spend(text: str) -> None:
    assert read_reply(text, list_button_words()).kind is ReplyKind.DIRECTION


@pytest.mark.parametrize("text", COMMENTS)
def test_comments_never_spend(text: str) -> None:
    """Each needs a tap of its author. [people-M3]"""
    assert read_reply(text, list_button_words()).kind is not ReplyKind.DIRECTION


@given(
    comment=st.sampled_from(COMMENTS),
    glued=st.lists(st.sampled_from(GLUED_SIGNS), max_size=3),
    loose=st.lists(st.sampled_from(LOOSE_SIGNS), max_size=3),
    is_upper=st.booleans(),
    is_wide=st.booleans(),
    data=st.data(),
)
def test_no_disguise_makes_a_comment_spend(
    comment: str,
    glued: list[str],
    loose: list[str],
    is_upper: bool,
    is_wide: bool,
    data: st.DataObject,
) -> None:
    """Emoji, punctuation, case, width and invisible characters change nothing. [people-M3]"""
    words = comment.split()
    for sign in loose:
        words.insert(data.draw(st.integers(0, len(words))), sign)
    text = " ".join(words)
    for sign in glued:
        place = data.draw(st.integers(0, len(text)))
        text = text[:place] + sign + text[place:]
    text = text.upper() if is_upper else text
    if is_wide:
        text = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    assert read_reply(text, list_button_words()).kind is not ReplyKind.DIRECTION


@given(st.sampled_from(DIRECTIONS), st.sampled_from(("?", "？", "⁉", "？！", " ? 👏")))
def test_a_question_never_spends(direction: str, mark: str) -> None:
    assert read_reply(direction + mark).kind is not ReplyKind.DIRECTION


@given(st.sampled_from(DIRECTIONS), st.sampled_from(("!", "...", " 👏", "\u200b", " ❤️", "。")))
def test_signs_leave_a_direction_one(direction: str, signs: str) -> None:
    assert read_reply(direction + signs).kind is ReplyKind.DIRECTION


@given(st.text(max_size=40))
def test_anything_can_be_read(text: str) -> None:
    reading = read_reply(text, list_button_words())
    assert (reading.button is not None) == (reading.kind is ReplyKind.BUTTON)


@given(st.lists(st.sampled_from(("it", "jumps", "the", "fox", "make", "then")), max_size=2))
def test_fewer_than_three_words_never_spend(words: list[str]) -> None:
    assert read_reply(" ".join(words)).kind is not ReplyKind.DIRECTION


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", ReplyKind.EMPTY),
        ("<@99>", ReplyKind.EMPTY),
        ("👏", ReplyKind.WORDLESS),
        ("<:pog:123456789012345678>", ReplyKind.WORDLESS),
        ("https://example.com/the-fox-jumps", ReplyKind.WORDLESS),
        ("\u3164", ReplyKind.WORDLESS),
        ("and on", ReplyKind.UNCLEAR),
        ("it jumps", ReplyKind.UNCLEAR),
        ("can you make him dance?", ReplyKind.UNCLEAR),
        ("kannst du ihn tanzen lassen?", ReplyKind.UNCLEAR),
        ("nice", ReplyKind.REMARK),
        ("what prompt did you use?", ReplyKind.REMARK),
    ],
)
def test_kinds(text: str, kind: ReplyKind) -> None:
    assert read_reply(text).kind is kind


@pytest.mark.parametrize(
    ("text", "action"),
    [
        pytest.param("再来一段", ButtonAction.REDO, id="people-M4-label"),
        ("再来一遍！", ButtonAction.REDO),
        ("重做", ButtonAction.REDO),
        ("重新生成", ButtonAction.REDO),
        ("Noch einmal", ButtonAction.REDO),
        ("ＲＥＤＯ", ButtonAction.REDO),
        ("refaire 🔁", ButtonAction.REDO),
        ("もう一度。", ButtonAction.REDO),
        ("Repetir", ButtonAction.REDO),
        ("Delete it", ButtonAction.DELETE),
        ("删除", ButtonAction.DELETE),
        ("löschen", ButtonAction.DELETE),
        ("annuler", ButtonAction.CANCEL),
        ("キャンセル", ButtonAction.CANCEL),
        ("Détails", ButtonAction.DETAILS),
        ("edit prompt", ButtonAction.EDIT),
        ("Extend #12", ButtonAction.EXTEND),
        ("continue", ButtonAction.EXTEND),
        ("Ins Schaufenster", ButtonAction.SHOWCASE),
        ("Try again", ButtonAction.RETRY),
    ],
)
def test_the_words_of_a_button_are_that_button(text: str, action: ButtonAction) -> None:
    """In any language, however it is written. [people-M4]"""
    reading = read_reply(text, list_button_words())
    assert (reading.kind, reading.button) == (ReplyKind.BUTTON, action)


def test_every_label_is_understood() -> None:
    words = list_button_words()
    assert set(words.values()) >= set(ButtonAction) - {ButtonAction.EXTEND_BY_REPLY}
    assert all(label == fold_label(label) for label in words)


@pytest.mark.parametrize(
    "text",
    [
        "make a video of a cat",
        "mach ein Video von einer Katze",
        "fais une vidéo de chat",
        "haz un vídeo de un gato",
        "做一个猫的视频",
        "猫の動画を作って",
    ],
)
def test_requests_are_recognised(text: str) -> None:
    assert asks_for_video(text)


@pytest.mark.parametrize("text", ["make it like this picture", "turn it into this please"])
def test_a_remark_may_be_a_request_all_the_same(text: str) -> None:
    """It spends nothing, but is answered with a question where a picture comes with it."""
    assert read_reply(text).kind is ReplyKind.REMARK
    assert asks_for_video(text)


def test_a_comment_is_no_request() -> None:
    assert not any(map(asks_for_video, ("help", "lol", "so cool and funny", "太好看了吧")))


def test_what_can_be_a_prompt() -> None:
    assert has_pictured_words("🐶💥")
    assert has_pictured_words("nice")
    assert not has_pictured_words("https://example.com <:pog:123456789012345678> <@99> …")
