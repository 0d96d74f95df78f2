"""Marhaba, an open-source call centre."""
