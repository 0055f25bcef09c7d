"""The command `lab box`: the lab VM as a Vagrant box."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.markup import escape

from lab import console


def box(
    suite: Annotated[str | None, typer.Option(help="The guest's release: trixie, bookworm, …")] = None,
    portable: Annotated[
        bool,
        typer.Option(
            "--portable",
            help="For other hosts, too: Vagrant's own key opens it until the first `vagrant up`.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Make it again, also where it is there.")] = False,
    json_: Annotated[bool, typer.Option("--json", help="For programs: print JSON.")] = False,
) -> None:
    """Make a Vagrant box of the lab VM, for `vagrant up` with libvirt, unless it is there.

    The Vagrantfile in vagrant/ takes it from then on; without it a public Debian box is
    downloaded. A newer image makes a newer version of the box.
    """
    from lab.image import box as boxes
    from lab.image.golden import golden_image

    with console.progress() as progress:
        made = boxes.make(golden_image(suite, progress=progress), progress, portable=portable, force=force)
    if json_:
        console.print_json(
            {
                "name": made.name,
                "version": made.version,
                "file": str(made.file),
                "catalogue": str(made.catalogue),
                "size_bytes": made.size,
                "image": made.image,
                "portable": made.portable,
            }
        )
        return
    console.out.print(
        f"[green]{made.name}[/green] {made.version}: {made.size / (1 << 20):.0f} MiB, {escape(str(made.file))}. "
        "[dim]cd vagrant && vagrant up[/dim]",
    )
