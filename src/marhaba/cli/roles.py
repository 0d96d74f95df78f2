"""What `marhaba serve --role media` runs."""

from __future__ import annotations

from marhaba.floor.centre import Centre
from marhaba.media.worker import WorkerSettings, run_worker


def serve_media(centre: Centre, number: int) -> None:
    """One media worker of the centre, until SIGTERM."""
    media = centre.media
    first = media.first_port + number * 2 * media.ports_per_worker
    run_worker(
        WorkerSettings(
            name=f"media-{number}",
            socket=centre.data_folder / "run" / f"media-{number}.sock",
            host=centre.sip.advertised_host,
            bind_host=centre.sip.host,
            port_first=first,
            port_pairs=media.ports_per_worker,
            silent_s=media.rtp_timeout_s,
        )
    )
