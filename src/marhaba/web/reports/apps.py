from django.apps import AppConfig


class ReportsConfig(AppConfig):
    name = "marhaba.web.reports"
