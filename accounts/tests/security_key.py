"""A security key in software: it answers a browser's questions as a key of hardware does."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

FLAG = AuthenticatorData.FLAG


class SecurityKey:
    """Holds one credential. `origin`: where the browser is; what the page claims counts for nothing."""

    def __init__(self, *, origin: str = "https://testserver", verifies_user: bool = True) -> None:
        self.origin = origin
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.credential_id = os.urandom(32)
        self.user_handle = ""
        self.flags = FLAG.UP | (FLAG.UV if verifies_user else FLAG(0))

    def register(self, options: dict[str, Any]) -> str:
        """What a browser sends when this key is set up."""
        asked = options["publicKey"]
        self.user_handle = asked["user"]["id"]
        credential = AttestedCredentialData.create(
            bytes(16), self.credential_id, ES256.from_cryptography_key(self.key.public_key())
        )
        seen = AuthenticatorData.create(self._rp(asked["rp"]["id"]), self.flags | FLAG.AT, 0, credential)
        return self._said(
            clientDataJSON=self._client_data("webauthn.create", asked["challenge"]),
            attestationObject=AttestationObject.create("none", seen, {}),
        )

    def sign(self, options: dict[str, Any]) -> str:
        """What a browser sends when this key signs somebody in."""
        asked = options["publicKey"]
        seen = AuthenticatorData.create(self._rp(asked["rpId"]), self.flags, 1)
        client_data = self._client_data("webauthn.get", asked["challenge"])
        signature = self.key.sign(seen + client_data.hash, ec.ECDSA(hashes.SHA256()))
        return self._said(clientDataJSON=client_data, authenticatorData=seen, signature=signature)

    def _client_data(self, act: str, challenge: str) -> CollectedClientData:
        return CollectedClientData.create(act, challenge, self.origin)

    def _rp(self, name: str) -> bytes:
        return hashlib.sha256(name.encode()).digest()

    def _said(self, **response: bytes) -> str:
        said = {name: websafe_encode(value) for name, value in response.items()}
        return json.dumps(
            {
                "id": websafe_encode(self.credential_id),
                "rawId": websafe_encode(self.credential_id),
                "type": "public-key",
                "response": {**said, "userHandle": self.user_handle},
                "clientExtensionResults": {"credProps": {"rk": True}},
            }
        )
