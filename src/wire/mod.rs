//! bytes <-> values, pure: demultiplexing, STUN, RTP, RTCP, codecs, SDP.
