"""The signature of what we send to others' servers: whoever shares the secret can tell that it is ours, and new."""

import hashlib
import hmac

ID, SIGNATURE = "X-Greenroom-Id", "X-Greenroom-Signature"


def sign(secret: str, call_id: str, at: int, body: bytes) -> str:
    """The value of `SIGNATURE`.  What is signed is the second, the call's id and its body, with dots between them."""
    signed = b".".join((str(at).encode(), call_id.encode(), body))
    return f"t={at},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"
