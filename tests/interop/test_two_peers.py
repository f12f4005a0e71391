"""Two aiortc peers in a room of a real node see and hear each other."""

import asyncio
import unittest

from dress import OLD_DEVICE, PLAIN, Dress
from node import Node
from patience import until
from peer import Peer
from sources import BLUE, RED


class TwoPeers(unittest.IsolatedAsyncioTestCase):
    node: Node

    @classmethod
    def setUpClass(cls) -> None:
        cls.node = Node()
        # Not a tearDown: it is called even when a later part of the set-up fails.
        cls.addClassCleanup(cls.node.stop)

    async def meet(self, first: Dress, second: Dress) -> tuple[Peer, Peer]:
        """One comes, sends for a while, then the other comes: it needs a keyframe on request."""
        room = self.id().rsplit(".", 1)[-1]
        anna = Peer("Anna", RED, 450, first)
        self.addAsyncCleanup(anna.close)
        ben = Peer("Ben", BLUE, 1_000, second)
        self.addAsyncCleanup(ben.close)
        await anna.join(self.node.origin, room, self.node.token(room, "Anna"))
        await until("Anna's camera sends", anna.has_begun)
        await ben.join(self.node.origin, room, self.node.token(room, "Ben"))
        await asyncio.gather(anna.sees(ben), anna.hears(ben), ben.sees(anna), ben.hears(anna))
        return anna, ben

    async def test_as_they_come(self) -> None:
        anna, ben = await self.meet(PLAIN, PLAIN)
        for peer in (anna, ben):
            self.assertEqual(peer.camera_codec(), "video/VP8")
            self.assertEqual(
                peer.dtls_suite_and_srtp_profile(),
                ("ECDHE-ECDSA-AES128-GCM-SHA256", b"SRTP_AEAD_AES_128_GCM"),
            )
            await until(f"reports from and about {peer.name}", peer.has_reports)

    async def test_rsa_certificate_and_the_old_srtp_profile(self) -> None:
        old, _ = await self.meet(OLD_DEVICE, PLAIN)
        self.assertEqual(
            old.dtls_suite_and_srtp_profile(),
            ("ECDHE-RSA-AES128-GCM-SHA256", b"SRTP_AES128_CM_SHA1_80"),
        )

    async def test_a_sendrecv_line_is_sender_and_slot(self) -> None:
        await self.meet(Dress(sendrecv=True), Dress(sendrecv=True))

    async def test_h264(self) -> None:
        anna, _ = await self.meet(Dress(camera_codec="video/H264"), PLAIN)
        self.assertEqual(anna.camera_codec(), "video/H264")

    async def test_who_leaves_frees_the_slots(self) -> None:
        anna, ben = await self.meet(PLAIN, PLAIN)
        await ben.leave()
        await until("slots without Ben", lambda: anna.shown() == {}, anna.shown)


if __name__ == "__main__":
    unittest.main()
