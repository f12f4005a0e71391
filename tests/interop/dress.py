"""How aiortc presents itself. It has no setting for its certificate or its SRTP profiles, so they
are put in its modules' place while a connection is made."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from unittest import mock

from aiortc.rtcdtlstransport import (
    SRTP_AES128_CM_SHA1_80,
    SRTP_PROFILES,
    RTCCertificate,
    SRTPProtectionProfile,
    generate_certificate,
)
from cryptography.hazmat.primitives.asymmetric import rsa


class RsaCertificate(RTCCertificate):
    """What GStreamer and older devices have. The node is the DTLS client of an `actpass` offer, so
    it must then take a suite that it would not choose itself."""

    @classmethod
    def generateCertificate(cls) -> "RsaCertificate":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return cls(key=key, cert=generate_certificate(key))

    def _create_ssl_context(self, srtp_profiles):
        context = super()._create_ssl_context(srtp_profiles)
        context.set_cipher_list(b"ECDHE-RSA-AES128-GCM-SHA256")
        return context


@dataclass(frozen=True)
class Dress:
    """One way for a peer to look. The defaults are aiortc's own."""

    certificate: type[RTCCertificate] = RTCCertificate
    srtp_profiles: tuple[SRTPProtectionProfile, ...] = tuple(SRTP_PROFILES)
    # The camera's and the microphone's m-lines are slots as well (`sendrecv`).
    sendrecv: bool = False
    # What the camera may be sent as; slots take everything aiortc has.
    camera_codec: str = "video/VP8"

    @contextlib.contextmanager
    def worn(self) -> Iterator[None]:
        with (
            mock.patch("aiortc.rtcpeerconnection.RTCCertificate", self.certificate),
            mock.patch("aiortc.rtcdtlstransport.SRTP_PROFILES", list(self.srtp_profiles)),
        ):
            yield


PLAIN = Dress()
OLD_DEVICE = Dress(certificate=RsaCertificate, srtp_profiles=(SRTP_AES128_CM_SHA1_80,))
