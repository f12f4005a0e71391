//! What goes out: slots, numbering across switches, retransmission.
