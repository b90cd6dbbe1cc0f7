"""Files of a bucket of S3, or of what speaks its language, through fsspec and s3fs. Rights and endpoint are the machine's own (environment,
profile, role): none is taken from anybody, kept or shown."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from alcore.errors import BadInput, NotFound, Unavailable
from alcore.uploads.https import Look, Lost, go_on
from alcore.uploads.names import is_leftover
from alcore.uploads.origins import Arriving, Listed, Listing
from alcore.uploads.reach import Address

CHUNK = 8_388_608  # bytes that are asked for at a time
NEEDS = "s3:// needs the package s3fs: pip install s3fs"


class Bucket:
    """What lies below an address of a bucket.

    Args:
        files: an fsspec file system, None for s3fs with the machine's own rights.
    """

    def __init__(self, address: Address, files: Any = None) -> None:
        self.address, self.files = address, files if files is not None else _s3()
        self.is_open = files is not None  # without keys
        self.look: Look = go_on

    def apart(self, look: Look) -> Bucket:
        """See Origin; s3fs is of any thread."""
        made = copy.copy(self)
        made.look = look
        return made

    def close(self) -> None:
        """See Origin."""

    def listing(self) -> Listing:
        """The files below the folder, or the one file of that name."""
        address = self.address
        at = f"{address.host}/{address.path}".rstrip("/")
        found: Mapping[str, Mapping[str, Any]] = self._asked(lambda: self.files.find(at, detail=True, refresh=True))
        below = {path: told for path, told in found.items() if path == at or path.startswith(f"{at}/")}
        listed = []
        for path, told in sorted(below.items()):
            name = path[len(at) + 1 :] or at.rpartition("/")[2]
            if told.get("type") == "file" and not path.endswith("/") and not is_leftover(name):
                listed.append(Listed(name, path, int(told["size"]), _time(told), _tag(told)))
        if not listed:
            raise NotFound(f"there is no file at {address.text[:160]}: look at the address, or at the rights of this machine")
        return Listing(listed, {})

    @contextmanager
    def get(self, one: Listed, start: int, tag: str, known: str) -> Iterator[Arriving]:
        """See Origin. The listing has told what there is: the file must still be that at its end."""
        if known and known == one.tag:
            yield _Coming(self, one, one.size or 0, same=True)
            return
        yield _Coming(self, one, start if tag and tag == one.tag else 0)

    def piece(self, one: Listed, start: int, end: int) -> bytes:
        """Bytes of a file. Raises AlcoreError; Lost when it changed meanwhile, or the connection broke."""
        content: bytes = self._asked(lambda: self.files.cat_file(one.address, start=start, end=end))
        if len(content) != end - start:
            raise Lost(f"{one.path} ends early")
        return content

    def check(self, one: Listed) -> None:
        """Raises Lost when a file is not any more what was listed: its pieces may be of two."""
        told = self._asked(lambda: self.files.info(one.address, refresh=True))
        if _tag(told) != one.tag:
            raise Lost(f"{one.path} was changed while it was fetched")

    def _asked(self, ask: Any) -> Any:
        self.look()
        try:
            return ask()
        except FileNotFoundError:
            raise NotFound(f"there is nothing at {self.address.text[:160]}: look at the address") from None
        except PermissionError:
            raise BadInput(
                f"{self.address.text[:120]} may not be read with the rights of this machine: look at AWS_PROFILE or its keys"
            ) from None
        except Exception as wrong:  # s3fs and what is below it know many kinds; none may bring a key into what is said
            kind = type(wrong).__name__
            if kind == "NoCredentialsError" and not self.is_open:
                self.files, self.is_open = _s3(anon=True), True  # a bucket that everybody may read
                return self._asked(ask)
            if kind in ("NoCredentialsError", "ProfileNotFound", "PartialCredentialsError"):
                raise BadInput(f"{self.address.text[:120]}: this machine has no rights for S3: set AWS_PROFILE or its keys") from wrong
            if isinstance(wrong, OSError) or type(wrong).__module__.split(".")[0] in ("botocore", "aiobotocore", "aiohttp"):
                raise Unavailable(f"the bucket {self.address.host!r} does not answer ({kind}): try again, it goes on") from wrong
            raise


class _Coming:
    """A file's bytes, in pieces that are asked for."""

    def __init__(self, bucket: Bucket, one: Listed, start: int, same: bool = False) -> None:
        self._bucket, self._one, self._at = bucket, one, start
        self.start, self.size, self.time, self.tag, self.same = start, one.size, one.time, one.tag, same

    def read(self, most: int) -> bytes:
        """See Arriving."""
        whole = self.size or 0
        if self._at >= whole:
            if whole > CHUNK or self.start:
                self._bucket.check(self._one)
            return b""
        content = self._bucket.piece(self._one, self._at, min(whole, self._at + max(most, CHUNK)))
        self._at += len(content)
        return content


def _s3(anon: bool = False) -> Any:
    try:
        import fsspec

        return fsspec.filesystem("s3", anon=anon, skip_instance_cache=True, use_listings_cache=False)
    except ImportError:
        raise BadInput(NEEDS) from None


def _time(told: Mapping[str, Any]) -> int:
    when = told.get("LastModified") or told.get("created")
    return int(when.timestamp() * 1000) if isinstance(when, datetime) else 0


def _tag(told: Mapping[str, Any]) -> str:
    return str(told.get("ETag") or f"{told.get('size')} {_time(told)}")
