from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "marhaba.web.desk"
