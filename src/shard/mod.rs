//! Sans-IO root of the core: owns rooms, routes datagrams; commands in, events out.
