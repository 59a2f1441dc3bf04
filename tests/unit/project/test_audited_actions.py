"""Whatever an admin or a moderator can do is in the audit log, or this table says why not.

A new command, button, menu or form of theirs fails here until it is in the table. The end-to-end
test of the log's channel uses them.
"""

from typing import Final

from bot.domain.showcase.post import AuditAction
from bot.ui.custom_ids import ButtonAction, FormKind, SetupSetting
from tests.unit.project.test_commands import registered

SHOWS: Final = "only shows something"
OWN: Final = "is about what is the member's own"
ASKS: Final = "only asks; the answer is in the table too"
COMMANDS: Final[dict[str, set[AuditAction] | str]] = {
    "server setup": SHOWS,
    "server words add": {AuditAction.CHANGE_WORDS},
    "server words remove": {AuditAction.CHANGE_WORDS},
    "server words list": SHOWS,
    "server words test": SHOWS,
    "server block": {AuditAction.BLOCK_REQUESTS},
    "server unblock": {AuditAction.UNBLOCK_REQUESTS},
    "server blocks": SHOWS,
    "server showcase": {AuditAction.ARRANGE},
    "server gallery": ASKS,
    "server log": {AuditAction.CHOOSE_LOG, AuditAction.TURN_OFF_LOG},
    "server quota set": {AuditAction.CHANGE_LIMITS},
    "server quota clear": {AuditAction.CHANGE_LIMITS},
    "server quota list": SHOWS,
    "server budget": {AuditAction.CHANGE_LIMITS},
    "server usage": SHOWS,
    "server unknown": {AuditAction.CHARGE_JOB, AuditAction.REFUND_JOB},
    "server pause": {AuditAction.CHANGE_RULES},
    "server resume": {AuditAction.CHANGE_RULES},
    "server people": {AuditAction.CHANGE_RULES},
    "server confirm": {AuditAction.CHANGE_RULES},
    "server extending": {AuditAction.CHANGE_RULES},
    "server replies": {AuditAction.CHANGE_RULES},
    "server prices": {AuditAction.CHANGE_RULES},
    "server age": {AuditAction.REQUIRE_AGE_RESTRICTION, AuditAction.LIFT_AGE_RESTRICTION},
    "server reports": {AuditAction.CHANGE_RULES},
    "server review": {AuditAction.CHANGE_RULES},
    "server staff": {AuditAction.CHANGE_RULES},
    "showcase add": {AuditAction.SHOW},
    "showcase withdraw": {AuditAction.WITHDRAW},
    "showcase top": SHOWS,
    "showcase random": SHOWS,
    "showcase mine": SHOWS,
    "showcase choose": OWN,
    "showcase hide": {AuditAction.HIDE, AuditAction.UNHIDE},
    "showcase lock": {AuditAction.LOCK, AuditAction.UNLOCK},
    "showcase block": {AuditAction.BLOCK, AuditAction.UNBLOCK},
}
BUTTONS: Final[dict[ButtonAction, set[AuditAction]]] = {
    ButtonAction.SHOWCASE: {AuditAction.SHOW},
    ButtonAction.PUBLISH: {AuditAction.SHOW},
    ButtonAction.PUBLISH_HIDDEN: {AuditAction.SHOW},
    ButtonAction.WITHDRAW: {AuditAction.WITHDRAW},
    ButtonAction.CONFIRM_DELETE: {AuditAction.DELETE},
    ButtonAction.CANCEL: {AuditAction.CANCEL_JOB, AuditAction.REVIEW_WITHDRAW},
    ButtonAction.UNDO: {AuditAction.CANCEL_JOB},
    ButtonAction.REPORT_HIDE: {AuditAction.REPORT_HIDE},
    ButtonAction.REPORT_DELETE: {AuditAction.REPORT_DELETE, AuditAction.DELETE},
    ButtonAction.REPORT_BLOCK: {AuditAction.BLOCK_REQUESTS},
    ButtonAction.REPORT_DISMISS: {AuditAction.REPORT_DISMISS},
    ButtonAction.REPORT_SHOW: {AuditAction.REPORT_DISMISS},
    ButtonAction.QUESTION_ALLOW: {AuditAction.QUESTION_ALLOW},
    ButtonAction.QUESTION_REFUSE: {AuditAction.QUESTION_REFUSE},
    ButtonAction.REVIEW_POST: {AuditAction.REVIEW_POST},
    ButtonAction.REVIEW_SPOILER: {AuditAction.REVIEW_SPOILER},
    ButtonAction.REVIEW_REFUSE: {AuditAction.REVIEW_REFUSE},
    ButtonAction.REVIEW_REFUSE_CHARGED: {AuditAction.REVIEW_REFUSE_CHARGED},
}
BUTTONS_OF_MEMBERS: Final = {
    *(ButtonAction.EXTEND, ButtonAction.EXTEND_BY_REPLY, ButtonAction.EDIT),
    *(ButtonAction.EDIT_BY_REPLY, ButtonAction.ASK_REPORT, ButtonAction.REPORT),
    *(ButtonAction.REDO, ButtonAction.REWORD, ButtonAction.FULL_HD, ButtonAction.ULTRA_HD),
    *(ButtonAction.UPRIGHT, ButtonAction.WIDE, ButtonAction.DETAILS, ButtonAction.DELETE),
    *(ButtonAction.KEEP, ButtonAction.RETRY, ButtonAction.OTHER_MODEL, ButtonAction.ACCEPT),
    *(ButtonAction.ACCEPT_FITTED, ButtonAction.DECLINE, ButtonAction.ANIMATE),
    *(ButtonAction.REWRITE, ButtonAction.RANKING, ButtonAction.ERASE_MEMBER),
    *(ButtonAction.CHECK_PERMISSIONS, ButtonAction.SETUP, ButtonAction.MODERATION),
    *(ButtonAction.SETUP_PAGE_SAFETY, ButtonAction.SETUP_PAGE_CHANNELS),
    *(ButtonAction.QUESTION_CANCEL, ButtonAction.TAKE, ButtonAction.TAKES),
    ButtonAction.MORE_TAKES,
}
"""They make, ask or show something. Who reported a clip is told nobody."""
SETTINGS: Final[dict[SetupSetting, set[AuditAction]]] = {
    SetupSetting.CHANNELS: {AuditAction.CHANGE_RULES},
    SetupSetting.PEOPLE: {AuditAction.CHANGE_RULES},
    SetupSetting.AGE: {AuditAction.REQUIRE_AGE_RESTRICTION, AuditAction.LIFT_AGE_RESTRICTION},
    SetupSetting.QUOTA: {AuditAction.CHANGE_LIMITS},
    SetupSetting.BUDGET: {AuditAction.CHANGE_LIMITS},
    SetupSetting.CONFIRMATION: {AuditAction.CHANGE_RULES},
    SetupSetting.SHOWCASE: {AuditAction.ARRANGE},
    SetupSetting.REPLIES: {AuditAction.CHANGE_RULES},
    SetupSetting.TRUSTED_ROLE: {AuditAction.CHANGE_RULES},
    SetupSetting.LANGUAGE: {AuditAction.CHANGE_RULES},
}
FORMS: Final[dict[FormKind, set[AuditAction]]] = {
    FormKind.SERVER_PAGE: {AuditAction.PAGE},
    FormKind.MODERATION: {AuditAction.CHANGE_RULES, AuditAction.CHANGE_WORDS},
}
FORMS_OF_MEMBERS: Final = {
    *(FormKind.EXTEND, FormKind.EDIT, FormKind.REWORD, FormKind.ANIMATE, FormKind.REWRITE),
}
OF_NOBODY: Final = {
    AuditAction.CHANNEL_GONE,
    AuditAction.LOG_STOPPED,
    AuditAction.REPORT,
    AuditAction.REPORT_LIMIT,
    AuditAction.REVIEW_EXPIRE,
    AuditAction.USE_WORD,
}
"""What happens, and what a member does whose request is to be logged."""


def test_each_command_of_admins_and_moderators_is_in_the_table() -> None:
    theirs = {name for name in registered() if name.startswith(("server ", "showcase "))}
    assert COMMANDS.keys() == theirs


def test_each_button_menu_and_form_is_in_the_table() -> None:
    assert BUTTONS.keys() | BUTTONS_OF_MEMBERS == set(ButtonAction)
    assert not BUTTONS.keys() & BUTTONS_OF_MEMBERS
    assert SETTINGS.keys() == set(SetupSetting)
    assert FORMS.keys() | FORMS_OF_MEMBERS == set(FormKind)


def test_each_kind_of_entry_comes_from_somewhere() -> None:
    by_people = [entries for entries in COMMANDS.values() if not isinstance(entries, str)]
    by_people += [*BUTTONS.values(), *SETTINGS.values(), *FORMS.values()]
    assert set().union(*by_people) | OF_NOBODY == set(AuditAction)
