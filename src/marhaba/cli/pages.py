"""The pages' side of a centre, for the commands that need its database."""

from __future__ import annotations

from pathlib import Path

from marhaba.centre import Centre
from marhaba.centre.model import WebSettings
from marhaba.cli.words import reader_language, say
from marhaba.kernel.errors import Refused


def open_pages(centre: Centre, config: Path) -> WebSettings:
    """Set Django up for this centre and bring its database up to date. From here on `marhaba.web` can be imported."""
    if centre.web is None:
        raise Refused(say("web.none", reader_language()), code="no-pages")
    from marhaba.web.environment import Environment
    from marhaba.web.opening import open_web

    open_web(
        Environment(
            config=config.absolute(),
            data=centre.data_folder,
            database=centre.web.database,
            address=centre.web.address,
            name=centre.name,
            timezone=centre.timezone,
        )
    )
    return centre.web
