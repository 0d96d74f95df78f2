from django.apps import AppConfig


class RecordsConfig(AppConfig):
    name = "marhaba.web.records"
