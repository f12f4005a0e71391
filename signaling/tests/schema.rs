//! The TypeScript of the wire schema is generated from the Rust types and committed, so that the
//! web SDK builds without cargo. This test fails when the committed file is old; with
//! `FIRSTBELL_WRITE_SCHEMA=1` it writes the file instead.

use std::path::PathBuf;

use firstbell_signaling::message as m;
use ts_rs::{Config, TS};

const HEADER: &str = "\
// Generated from signaling/src/message.rs. Do not edit: change the Rust types and run
//   FIRSTBELL_WRITE_SCHEMA=1 cargo test -p firstbell-signaling --test schema
";

fn declaration<T: TS>(config: &Config) -> String {
    let docs = T::docs().unwrap_or_default();
    let docs = docs.trim_end();
    let gap = if docs.is_empty() { "" } else { "\n" };
    format!("{docs}{gap}export {}\n", T::decl(config))
}

fn typescript() -> String {
    let config = Config::new();
    let declarations = [
        "/** A person in a room, stable across reloads and resumes. Opaque to clients. */\n\
         export type ParticipantId = string;\n"
            .to_owned(),
        declaration::<m::ClientMessage>(&config),
        declaration::<m::Request>(&config),
        declaration::<m::ClientInfo>(&config),
        declaration::<m::ResumeTicket>(&config),
        declaration::<m::Publishing>(&config),
        declaration::<m::Role>(&config),
        declaration::<m::Person>(&config),
        declaration::<m::LineQuality>(&config),
        declaration::<m::TrackSource>(&config),
        declaration::<m::VideoSource>(&config),
        declaration::<m::Tile>(&config),
        declaration::<m::TrackKind>(&config),
        declaration::<m::PublishLine>(&config),
        declaration::<m::SlotLine>(&config),
        declaration::<m::SlotMapping>(&config),
        declaration::<m::SlotTrack>(&config),
        declaration::<m::RoomState>(&config),
        declaration::<m::ServiceLevel>(&config),
        declaration::<m::Warning>(&config),
        declaration::<m::ServerMessage>(&config),
        declaration::<m::MediaState>(&config),
        declaration::<m::Line>(&config),
        declaration::<m::LineVideo>(&config),
        declaration::<m::LineReason>(&config),
        declaration::<m::Uplink>(&config),
        declaration::<m::ErrorCode>(&config),
    ];
    format!("{HEADER}\n{}", declarations.join("\n"))
}

fn committed_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../web/sdk/src/protocol.ts")
}

#[test]
fn committed_typescript_is_current() {
    let path = committed_path();
    let generated = typescript();
    if std::env::var_os("FIRSTBELL_WRITE_SCHEMA").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &generated).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(
        committed, generated,
        "web/sdk/src/protocol.ts is old; see its first lines for how to write it anew"
    );
}
