"""Which picture a job's status may show while Google works on it.

A status is read by everybody in its channel, and Google has not judged the request yet. So it shows
only what they could see before: a clip that was posted there, or a picture of a message there. A
picture that was given with a command was seen by nobody but the bot.
"""

from bot.domain.clips.age_restriction import may_show
from bot.domain.clips.clip import Clip
from bot.domain.jobs.job import Origin
from bot.domain.jobs.request import InputImage, VideoPlan


def was_posted_in(clip: Clip, origin: Origin) -> bool:
    """Return whether those who read the status could see ``clip`` before."""
    return (
        origin.user_install_reply is None  # the bot does not know who reads those
        and clip.message_id is not None
        and clip.channel_id == origin.channel_id
        and may_show(age_restricted=clip.age_restricted, place_age_restricted=origin.age_restricted)
    )


def find_seen_picture(plan: VideoPlan, origin: Origin) -> InputImage | None:
    """Return the first picture of ``plan`` if those who read the status could see it before."""
    was_in_message = origin.request_message_id is not None
    if origin.user_install_reply is not None or not (was_in_message or origin.is_private):
        return None
    pictures = (plan.image, *plan.references)
    return next((picture for picture in pictures if picture is not None), None)
