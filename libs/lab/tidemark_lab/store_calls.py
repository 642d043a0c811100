"""Which of AWS's actions the store is asked for, and by whom, in calls.json beside its data: what the policies for
production (docs/policies) are held against. Everybody in the lab signs with a key that is their name.
"""

import json
import re
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
_WHO = re.compile(r"Credential=([^/]+)/")
_OF_OBJECTS = {
    "GET": "GetObject",
    "HEAD": "GetObject",
    "PUT": "PutObject",
    "DELETE": "DeleteObject",
    "POST": "PutObject",
}


class Calls:
    """Notes each pair of signer and action once; they survive the process."""

    def __init__(self, file: Path) -> None:
        self._file, self._lock = file, threading.Lock()
        self._known = {(who, action) for who, actions in read_calls(file).items() for action in actions}

    def noting(self, application: Application) -> Application:
        """The application, each of its requests noted first."""

        def noted(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self._note(environ)
            return application(environ, start_response)

        return noted

    def _note(self, environ: dict[str, Any]) -> None:
        who = _WHO.search(environ.get("HTTP_AUTHORIZATION", ""))
        if who is None or (call := (who[1], action_of(environ))) in self._known:
            return
        with self._lock:
            self._known.add(call)
            found: dict[str, list[str]] = {}
            for name, action in sorted(self._known):
                found.setdefault(name, []).append(action)
            self._file.write_text(json.dumps(found, indent=1))


def read_calls(file: Path) -> dict[str, list[str]]:
    """What has been noted: actions by signer."""
    found: dict[str, list[str]] = json.loads(file.read_text()) if file.exists() else {}
    return found


def action_of(environ: dict[str, Any]) -> str:
    """The action that AWS would judge this request by."""
    if target := environ.get("HTTP_X_AMZ_TARGET"):
        return f"glue:{target.rpartition('.')[2]}"
    method, query = environ["REQUEST_METHOD"], parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    if environ["PATH_INFO"].strip("/").partition("/")[2]:
        return "s3:AbortMultipartUpload" if method == "DELETE" and "uploadId" in query else f"s3:{_OF_OBJECTS[method]}"
    if "delete" in query:
        return "s3:DeleteObject"
    if "location" in query:
        return "s3:GetBucketLocation"
    return "s3:CreateBucket" if method == "PUT" else "s3:ListBucket"
