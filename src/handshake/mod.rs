//! The DTLS worker pool in front of the shards.
