//! Implements signalling's media plane over the shards and the handshake pool.
