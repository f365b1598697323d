"""Serves an app on the port that the environment names, on loopback, until it is ended."""

import os


def serve(app, **options):
    app.queue()
    port = int(os.environ["PORT"])
    app.launch(server_name="127.0.0.1", server_port=port, quiet=True, **options)
