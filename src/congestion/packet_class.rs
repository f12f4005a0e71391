//! What a packet is to congestion control.

/// In the order in which the pacer lets them go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PacketClass {
    /// Never waits.
    Audio,
    /// Sent again because it was asked for.
    Retransmission,
    Video,
    /// Carries nothing new: fills a probe, or the line.
    Padding,
}
