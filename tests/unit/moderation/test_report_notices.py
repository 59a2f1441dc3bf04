"""Direct messages about reports: Discord takes two with one nonce for the same."""

from bot.domain.moderation.report import ReportNotice, ReportNoticeKind


def test_notices_have_different_nonces_although_their_rows_have_the_same_id() -> None:
    kinds = [ReportNoticeKind.HIDDEN, ReportNoticeKind.DELETED]
    notices = [
        *(
            ReportNotice(id=1, kind=kind, guild_id=10, clip_id=clip)
            for kind in kinds
            for clip in (4, 5)
        ),
        *(
            ReportNotice(id=1, kind=ReportNoticeKind.STAFF_CHANNEL, guild_id=10**18 + n)
            for n in (0, 1)
        ),
    ]
    nonces = {notice.nonce for notice in notices}
    assert len(nonces) == len(notices)
    assert max(map(len, nonces)) <= 25
