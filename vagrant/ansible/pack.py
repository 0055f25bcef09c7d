"""Packs files of this checkout for the playbook: one archive in the place of a transfer for each file.

Usage: pack.py SOURCE:DESTINATION...

A SOURCE is a folder; its files go to the absolute DESTINATION. Binaries are left out: what
somebody built beside the sources was built for another system. The same files give the
same archive, so that tar's comparison finds when nothing is to do. Prints it in base64.
"""

import base64
import gzip
import io
import sys
import tarfile
from pathlib import Path


def main() -> None:
    """Print the archive."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for pair in sys.argv[1:]:
            source, _, destination = pair.rpartition(":")
            for path in sorted(Path(source).rglob("*")):
                if path.is_file() and b"\0" not in path.read_bytes():
                    name = f"{destination.strip('/')}/{path.relative_to(source)}".lstrip("/")
                    archive.addfile(_entry(name, path.stat().st_size), io.BytesIO(path.read_bytes()))
    sys.stdout.write(base64.encodebytes(gzip.compress(buffer.getvalue(), mtime=0)).decode())


def _entry(name: str, size: int) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o644
    entry.uname = entry.gname = "root"
    return entry


if __name__ == "__main__":
    main()
