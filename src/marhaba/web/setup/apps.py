from django.apps import AppConfig


class SetupConfig(AppConfig):
    name = "marhaba.web.setup"
