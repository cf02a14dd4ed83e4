"""The signature of what we send to others' servers: whoever shares the secret can tell that it is ours, and new."""

import hashlib
import hmac

ID, SIGNATURE = "X-Greenroom-Id", "X-Greenroom-Signature"


def digest(key: bytes, first: str, second: str, body: bytes) -> bytes:
    """The HMAC of what is sent, and of what says when, and which one it is, with dots between them."""
    return hmac.new(key, b".".join((first.encode(), second.encode(), body)), hashlib.sha256).digest()


def sign(secret: str, call_id: str, at: int, body: bytes) -> str:
    """The value of `SIGNATURE`.  What is signed is the second, the call's id and its body, with dots between them."""
    return f"t={at},v1={digest(secret.encode(), str(at), call_id, body).hex()}"
