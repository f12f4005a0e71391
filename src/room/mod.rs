//! The forwarding scope: participants, speakers, slot assignment, routes.
