"""Marhaba, an open-source call centre."""

__version__ = "0.1.0"
