"""The commands `lab image build|ls|rm`."""

from __future__ import annotations

import functools
import sys
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Column, Table

from lab import console
from lab.errors import LabError, MachineError
from lab.image import store

app = typer.Typer(
    help="Build, list and remove the images from which lab VMs start.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)

JsonOption = Annotated[bool, typer.Option("--json", help="For programs: print JSON.")]


def _complete(incomplete: str) -> list[str]:
    return [image.name for image in store.images() if image.name.startswith(incomplete)]


@app.command()
def build(
    suite: Annotated[
        str | None,
        typer.Option(
            help="The guest's release: trixie, bookworm, …; on Ubuntu the host's own is the default."
        ),
    ] = None,
    alpine: Annotated[
        Path | None,
        typer.Option(
            help="Alpine's minirootfs tarball, where no download site can be reached.", show_default=False
        ),
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Build again, from what the mirror has now.")
    ] = False,
    json_: JsonOption = False,
) -> None:
    """Build the image of a release, unless it is there; `lab up` does that by itself.

    The packages come from the mirror that apt on this host uses. The same inputs and the same
    state of the mirror give the same bytes. Machines that run go on with the image they have.
    What a killed command left half-made goes away.
    """
    from lab import lifecycle
    from lab.image.build import remove_leftovers
    from lab.image.golden import golden_image
    from lab.machine.acceleration import acceleration
    from lab.machine.qemu_command import Hardware

    began = time.monotonic()
    remove_leftovers()
    with console.progress() as progress:
        golden = golden_image(suite, progress=progress, force=force, alpine_path=alpine)
        found = acceleration(golden.boot.kernel, golden.boot.initrd, progress)
        lifecycle.warm_state(golden.folder / "warm", golden.boot, Hardware(), found.accelerator, progress)
    if json_:
        console.print_json(_described(golden.base, _machines_by_image([golden.base])))
        return
    console.out.print(
        f"[green]{golden.base.name}[/green] is ready ({time.monotonic() - began:.0f} s). [dim]lab up[/dim] starts it."
    )


@app.command("ls")
def list_(json_: JsonOption = False) -> None:
    """List the images, the newest first."""
    images = store.images()
    users = _machines_by_image(images)
    if json_:
        console.print_json([_described(image, users) for image in images])
        return
    if not images:
        console.out.print("There is no image yet. [dim]lab image build[/dim] makes one.")
        return
    table = Table(Column("IMAGE", no_wrap=True), "KERNEL", "BUILT", "SIZE", "MACHINES", box=None)
    for image in images:
        table.add_row(
            image.name,
            image.kernel_release,
            time.strftime("%Y-%m-%d %H:%M", time.localtime(image.created)),
            f"{image.bytes_on_disk() / 1e6:.0f} MB",
            escape(", ".join(users.get(image.name, []))),
        )
    console.out.print(table)


@app.command()
def rm(
    images: Annotated[
        list[str] | None,
        typer.Argument(help="Names from `lab image ls`; the beginning is enough.", autocompletion=_complete),
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Every image that no machine uses.")] = False,
) -> None:
    """Remove images, with everything that was made from them."""
    if bool(images) == all_:
        raise LabError("No image is named, or both images and --all", "Name images, or give --all.")
    known = store.images()
    users = _machines_by_image(known)
    doomed = (
        [image for image in known if image.name not in users]
        if all_
        else [store.named(name) for name in images or []]
    )
    for image in doomed:
        if image.name in users:
            raise LabError(
                f"The image {image.name} is used by: {', '.join(users[image.name])}",
                "Remove the machine first, with `lab destroy`.",
            )
    busy: list[LabError] = []
    for image in doomed:
        try:
            store.remove(image, is_used=functools.partial(_is_used, image))
        except LabError as error:
            if not all_:
                raise
            busy.append(error)
        else:
            console.out.print(f"{image.name} is gone.")
    for refusal in busy:
        console.report(refusal)
    if busy:
        sys.exit(1)


def _is_used(image: store.Image) -> bool:
    return bool(_machines_by_image([image]))


def _machines_by_image(images: list[store.Image]) -> dict[str, list[str]]:
    """Names of the machines whose disks are overlays of an image's."""
    from lab.machine.record import QemuRecord, machine_names, read_record

    found: dict[str, list[str]] = {}
    for name in machine_names():
        try:
            record = read_record(name)
        except MachineError:
            continue  # half-made: the next `lab` that needs the name removes it
        if not isinstance(record, QemuRecord):
            continue
        for image in images:
            if record.base.disk.is_relative_to(image.folder):
                found.setdefault(image.name, []).append(name)
    return found


def _described(image: store.Image, users: dict[str, list[str]]) -> dict[str, object]:
    manifest = image.manifest()
    return {
        "name": image.name,
        "folder": str(image.folder),
        "bytes_on_disk": image.bytes_on_disk(),
        "machines": users.get(image.name, []),
        **{name: manifest["image"][name] for name in ("suite", "architecture", "kernel_release", "created")},
        "packages": len(manifest["packages"]),
        "files": manifest["files"],
    }
