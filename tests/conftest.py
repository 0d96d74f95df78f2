"""Every test goes by the time zones that the product goes by."""

from marhaba.files.zones import use_newest_zones

use_newest_zones()
