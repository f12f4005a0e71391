"""One Firstbell node with its own configuration on free ports, and tokens for it."""

import atexit
import base64
import hashlib
import hmac
import json
import os
import re
import secrets
import subprocess
import tempfile
import threading
import time
from collections import deque
from pathlib import Path

from patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
LOG_TAIL_LINES = 60
CONFIG = """
[http]
listen = "127.0.0.1:0"
[media]
shards = 1
pin_threads = false
base_port = 0
[[tokens.keys]]
id = "interop-tests"
secret = "{secret}"
[signaling]
drain_seconds = 1
"""


def _binary() -> Path:
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    candidates = [target / "release/firstbell", target / "debug/firstbell"]
    if named := os.environ.get("FIRSTBELL_BIN"):
        candidates.insert(0, Path(named))
    for candidate in candidates:
        if candidate.exists():
            return candidate
    raise FileNotFoundError("no firstbell binary: run `make build`, or set FIRSTBELL_BIN")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Node:
    """A running node; `stop` ends it as an operator does and complains when that went badly."""

    def __init__(self) -> None:
        self._secret = secrets.token_hex(32)
        self._log: deque[str] = deque(maxlen=LOG_TAIL_LINES)
        self._panicked = False
        self._origin: str | None = None
        self._spoke = threading.Event()
        self._folder = tempfile.TemporaryDirectory(prefix="firstbell-interop-")
        config = Path(self._folder.name) / "firstbell.toml"
        config.write_text(CONFIG.format(secret=self._secret))
        self._process = subprocess.Popen(
            [_binary(), "serve", "--config", config],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        # An interrupted test run takes the node with it.
        atexit.register(self._process.kill)
        self._reader = threading.Thread(target=self._read_log, daemon=True)
        self._reader.start()
        self._spoke.wait(PATIENCE_SECONDS)
        if self._origin is None:
            self._process.kill()
            self._process.wait()
            self._folder.cleanup()
            raise AssertionError(f"the node never said its address:\n{self.log_tail()}")

    @property
    def origin(self) -> str:
        """`http://localhost:PORT`"""
        assert self._origin is not None
        return self._origin

    def _read_log(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for line in output:
                self._log.append(line.rstrip())
                self._panicked |= "panicked" in line
                if match := re.search(r"Firstbell serves (\S+)", line):
                    self._origin = match[1]
                    self._spoke.set()
        # Also when it ended without a word.
        self._spoke.set()

    def log_tail(self) -> str:
        return "\n".join(self._log)

    def token(self, room: str, name: str) -> str:
        """A join token as the school's platform signs it."""
        header = {"alg": "HS256", "typ": "JWT", "kid": "interop-tests"}
        claims = {
            "sub": secrets.token_hex(8),
            "name": name,
            "role": "pupil",
            "room": room,
            "exp": int(time.time()) + 3600,
        }
        body = ".".join(_base64url(json.dumps(part).encode()) for part in (header, claims))
        mac = hmac.new(self._secret.encode(), body.encode(), hashlib.sha256)
        return f"{body}.{_base64url(mac.digest())}"

    def stop(self) -> None:
        self._process.terminate()
        try:
            code = self._process.wait(PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        atexit.unregister(self._process.kill)
        self._reader.join(PATIENCE_SECONDS)
        self._folder.cleanup()
        assert code == 0, f"the node did not end well ({code}):\n{self.log_tail()}"
        assert not self._panicked, f"the node panicked:\n{self.log_tail()}"
