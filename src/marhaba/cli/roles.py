"""What `marhaba serve --role media`, `--role edge` and `--role web` run."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from marhaba.centre import Centre
from marhaba.cli.pages import open_pages
from marhaba.cli.words import reader_language, say
from marhaba.media.edge import run_edge
from marhaba.media.edge_protocol import SOCKET
from marhaba.media.edge_rtpio import EdgeSettings
from marhaba.media.wav import repair_folder
from marhaba.media.worker import WorkerSettings, run_worker

log = logging.getLogger(__name__)

PORTS_PER_LINE = 8
"""RTP and RTCP, inside and outside; and as many again while a reload replaces the line."""


def serve_media(centre: Centre, number: int) -> None:
    """One media worker of the centre, until SIGTERM."""
    media, run = centre.media, centre.data_folder / "run"
    run.mkdir(parents=True, exist_ok=True)
    # Beside the worker, not before it: callers wait for the worker, nobody for the files of a crash.
    threading.Thread(
        target=repair_recordings,
        args=(centre.recordings_folder, run / f"media-{number}.repaired"),
        name="repair",
        daemon=True,
    ).start()
    first = media.first_port + number * 2 * media.ports_per_worker
    run_worker(
        WorkerSettings(
            name=f"media-{number}",
            socket=run / f"media-{number}.sock",
            host=centre.sip.advertised_host,
            bind_host=media.host,
            port_first=first,
            port_pairs=media.ports_per_worker,
            silent_s=media.rtp_timeout_s,
        )
    )


def serve_edge(centre: Centre) -> None:
    """Browsers' audio, until SIGTERM."""
    assert centre.web is not None
    run_edge(
        EdgeSettings(
            host=centre.media.host,
            advertised_host=centre.sip.advertised_host,
            port_first=centre.web.first_port,
            ports=centre.web.ports,
            lines_max=centre.web.ports // PORTS_PER_LINE,
        ),
        centre.data_folder / "run" / SOCKET,
    )


def serve_web(centre: Centre, config: Path) -> None:
    """The pages of the centre, until SIGTERM. Prints the link that makes the administrator while there is none."""
    web = open_pages(centre, config)
    from marhaba.web.people.domain.invitations import invite_first
    from marhaba.web.serving import listen, serve, welcome_address

    with listen(web.host, web.port) as door:
        if token := invite_first():
            print(say("web.first", reader_language()).format(link=welcome_address(token)), flush=True)
        serve(door)


def repair_recordings(recordings: Path, marker: Path) -> None:
    """Finish the recordings that a crash cut short: those changed since `marker` was last touched."""
    try:
        since = marker.stat().st_mtime
    except FileNotFoundError:
        since = 0.0
    marker.touch()
    if not recordings.is_dir():
        return
    for report in repair_folder(recordings, changed_since=since):
        if report.repaired:
            log.warning("recording finished after a crash: %s, %.1f s", report.path, report.seconds)
        else:
            log.warning("recording cannot be read: %s: %s", report.path, report.problem)
