"""The loops of one bot process, and who runs them."""

from bot.app.alerts import build_alert_sender
from bot.app.container import Container
from bot.app.ledger_rollup import build_ledger_rollup
from bot.app.supervisor import BackgroundLoop, BackgroundSupervisor
from bot.observability.heartbeat import run_heartbeat
from bot.services.showcase.maintenance import MaintenanceLoop
from bot.services.showcase.previews import GalleryPreviews
from bot.store.showcase.gallery import GalleryStore


def build_supervisor(parts: Container) -> BackgroundSupervisor:
    """Build what runs the loops of these parts; it starts none."""
    return BackgroundSupervisor(
        list_loops(parts), failures=parts.instruments.background_failures, clock=parts.clock
    )


def list_loops(parts: Container) -> dict[str, BackgroundLoop]:
    """Return the background loops by the names that operators see in metrics and checks."""
    settings, clock = parts.settings, parts.clock
    maintenance = MaintenanceLoop(
        tasks=(
            parts.showcase.publisher.settle_all,
            parts.showcase.vote_counter.recount_stale,
            parts.showcase.digest_scheduler.run_due,
            parts.privacy_service.run_due,
        ),
        run_requested=parts.showcase.publisher.settle_requested,
        worker=parts.worker,
        clock=clock,
        interval_s=settings.lease_s / 3,
        lanes=(parts.showcase.post_lanes, parts.showcase.digest_lanes),
    )
    loops: dict[str, BackgroundLoop] = {
        "measurements": lambda: parts.instruments.run_measurements(
            clock,
            lambda: parts.client.is_connected,
            lambda: len(parts.client.client_shards.ids),
        ),
        "model_directory": parts.model_directory.run_refresh_loop,
        "file_retention": parts.file_retention.run,
        "drafts": parts.draft_expiry.run,
        "ledger_rollup": build_ledger_rollup(settings, parts.database, clock).run,
        "heartbeat": lambda: run_heartbeat(
            settings.data_dir, is_healthy=lambda: parts.worker.is_alive, clock=clock
        ),
        "unknown_jobs": parts.unknown_job_poller.run,
        "remote_deletions": parts.remote_deletions.run,
        "maintenance": maintenance.run,
        "gallery_previews": GalleryPreviews(
            gallery=GalleryStore(parts.gallery_database, lists_adults=True),
            clips=parts.clips,
            thumbnails=parts.gallery_thumbnails,
            clock=clock,
        ).run,
        "clip_reviews": parts.moderation.clip_reviews.run,
        "server_icons": parts.showcase.server_icons.run,
        "questions": parts.question_desk.run,
        "reports": parts.moderation.report_desk.run,
        "log_channels": parts.moderation.log_channel_poster.run,
        **parts.shards.build_loops(parts.worker),
    }
    if (alert_sender := build_alert_sender(parts)) is not None:
        loops["alerts"] = alert_sender.run
    if parts.bucket_watch is not None:
        loops["bucket_watch"] = parts.bucket_watch.run
    if parts.webhooks.registrar is not None:
        loops["webhook_registration"] = parts.webhooks.registrar.run
    if parts.webhooks.inbox is not None:
        loops["webhook_events"] = parts.webhooks.inbox.run
    if parts.signed_links is not None:
        loops["link_keys"] = parts.signed_links.run_key_refresh
    return loops
