"""The commands `lab site build` and `lab site serve`: what there is to read, as one site."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from lab import console

app = typer.Typer(
    no_args_is_help=True, help="Build and show the site of guides, contract and instructors' pages."
)


@app.command()
def build(
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FOLDER", help="Where; an older site there is replaced.")
    ] = Path("boxwright-site"),
) -> None:
    """Build the site: a folder that needs no network and no server."""
    from lab.site import build as site

    with console.progress() as progress:
        progress.step("Building the site")
        number = site.build(output)
    shown = escape(str(output / "index.html"))
    console.out.print(f"[green]{number} pages[/green] are made; open {shown} in a browser.")


@app.command()
def serve(
    port: Annotated[int, typer.Option(min=0, max=65535, help="On 127.0.0.1; 0 for any that is free.")] = 8000,
) -> None:
    """Build the site and show it on this host, until Ctrl-C."""
    from lab.site import build as site
    from lab.site.serve import ADDRESS, server

    with tempfile.TemporaryDirectory(prefix="boxwright-site-") as folder:
        with console.progress() as progress:
            progress.step("Building the site")
            site.build(Path(folder))
        with server(Path(folder), port) as running:
            console.out.print(f"http://{ADDRESS}:{running.server_port}/ until Ctrl-C.")
            try:
                running.serve_forever()
            except KeyboardInterrupt:
                console.err.print("Ended.")
