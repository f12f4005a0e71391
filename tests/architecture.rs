//! The rules of ARCHITECTURE.md that the compiler does not know: which folder may use which, what
//! the sans-IO layers may not mention, and how long a file may be.
//!
//! It reads the sources as text: comments and literals are blanked first, and tests are left out,
//! which may read clocks and build what they like.

#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "architecture/source_text.rs"]
mod source_text;

use std::fs;
use std::path::{Path, PathBuf};

use source_text::{blank_comments_and_literals, mentions, named_after, production_code};

/// Which other modules of the crate root each one may use, besides itself.
const MAY_USE: &[(&str, &[&str])] = &[
    ("media", &[]),
    ("wire", &["media"]),
    ("transport", &["media", "wire"]),
    ("congestion", &["media", "wire"]),
    ("publish", &["media", "wire", "transport", "congestion"]),
    (
        "subscribe",
        &["media", "wire", "transport", "congestion", "publish"],
    ),
    (
        "room",
        &[
            "media",
            "wire",
            "transport",
            "congestion",
            "publish",
            "subscribe",
        ],
    ),
    (
        "shard",
        &[
            "media",
            "wire",
            "transport",
            "congestion",
            "publish",
            "subscribe",
            "room",
        ],
    ),
    ("handshake", &["media", "wire", "transport"]),
    // `net` carries the pool's answers to a shard: it implements `handshake::HandshakeSink`.
    (
        "net",
        &["media", "wire", "transport", "shard", "room", "handshake"],
    ),
    (
        "plane",
        &[
            "media",
            "wire",
            "transport",
            "room",
            "shard",
            "net",
            "handshake",
            "config",
        ],
    ),
    ("config", &[]),
    ("telemetry", &["config"]),
    ("page", &[]),
    ("tls", &[]),
    ("reclaim", &[]),
];

/// The only place where parts are wired may use all.
const WIRING: &[&str] = &["server", "main", "lib"];

/// Layers that get time, randomness and datagrams as arguments.
const SANS_IO: &[&str] = &[
    "media",
    "wire",
    "transport",
    "congestion",
    "publish",
    "subscribe",
    "room",
    "shard",
];

/// What they may not mention.
const IMPURE: &[&str] = &[
    "tokio",
    "mio",
    "libc",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "Instant::now",
    "SystemTime",
    "Mutex",
    "RwLock",
    "Condvar",
    "std::thread",
    "thread::spawn",
    "crossbeam_channel",
    "mpsc",
    "OsRng",
    "ThreadRng",
    "rand::rng",
    "rand::random",
    "SystemRandom",
    "getrandom",
    "rtc::",
    "std::fs",
    "std::env",
];

/// (file, word, why it may).
const IMPURE_EXCEPTIONS: &[(&str, &str, &str)] = &[
    (
        "src/transport/dtls/rtc_engine.rs",
        "rtc::",
        "rtc::dtls draws nonces and ephemeral keys from the system; it runs in the pool's threads, \
         never in a shard's",
    ),
    (
        "src/transport/dtls/identity.rs",
        "rtc::",
        "the node's certificate is made once, at start, by rtc::dtls from system randomness",
    ),
];

/// Parts of signalling that decide by values alone; simulations run them in virtual time.
const PURE_IN_SIGNALING: &[&str] = &[
    "signaling/src/admission/",
    "signaling/src/placement.rs",
    "signaling/src/stable_hash.rs",
];

const MAX_FILE_LINES: usize = 600;

// ---- the rules ----------------------------------------------------------------------------------

#[test]
fn layers_import_downward_only() {
    let faults: Vec<_> = sources("src")
        .iter()
        .flat_map(|(path, text)| import_faults(path, text))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn sans_io_layers_have_no_clock_socket_lock_thread_or_system_randomness() {
    let files = sources("src");
    let faults: Vec<_> = files
        .iter()
        .flat_map(|(path, text)| purity_faults(path, text))
        .filter(|(path, word)| !is_excepted(path, word))
        .map(|(path, word)| format!("{path} mentions {word}"))
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    for (path, word, _) in IMPURE_EXCEPTIONS {
        let used = files.iter().any(|(file, text)| {
            file == path
                && purity_faults(file, text)
                    .iter()
                    .any(|(_, found)| found == word)
        });
        assert!(
            used,
            "the exception of {path} for {word} is not needed any more"
        );
    }
}

#[test]
fn admission_and_placement_decide_without_clock_lock_task_or_system_randomness() {
    let files = sources("signaling/src");
    let is_pure = |path: &&str| PURE_IN_SIGNALING.iter().any(|pure| path.starts_with(pure));
    let mut found = 0;
    let mut faults = Vec::new();
    for (path, text) in &files {
        if is_pure(&path.as_str()) {
            found += 1;
            faults.extend(impure_words(path, text));
        }
    }
    assert!(
        found > PURE_IN_SIGNALING.len(),
        "they are somewhere else now"
    );
    assert!(faults.is_empty(), "{faults:?}");
}

#[test]
fn signaling_and_the_load_tester_know_nothing_of_the_node() {
    let mut faults = Vec::new();
    for folder in ["signaling", "loadtest", "linksim"] {
        for (path, text) in sources(folder) {
            faults.extend(node_faults(&path, &text));
        }
        let manifest = fs::read_to_string(root().join(folder).join("Cargo.toml")).unwrap();
        faults.extend(manifest_faults(folder, &manifest));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn no_source_file_is_longer_than_a_reader_can_hold() {
    let mut faults = Vec::new();
    for folder in ["src", "signaling/src", "loadtest/src", "linksim/src"] {
        for (path, text) in all_sources(folder) {
            faults.extend(length_fault(&path, &text));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_module_of_the_root_has_its_place() {
    let declared = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let modules = declared
        .lines()
        .filter_map(|line| line.strip_prefix("pub mod ")?.strip_suffix(';'));
    for module in modules {
        let known = MAY_USE.iter().any(|(name, _)| *name == module) || WIRING.contains(&module);
        assert!(known, "say in MAY_USE what `{module}` may use");
    }
}

// ---- how they are checked -----------------------------------------------------------------------

fn import_faults(path: &str, text: &str) -> Vec<String> {
    let module = module_path(path);
    let own = module.first().map_or("lib", String::as_str);
    if WIRING.contains(&own) {
        return Vec::new();
    }
    let allowed = MAY_USE
        .iter()
        .find(|(name, _)| *name == own)
        .map(|(_, allowed)| *allowed)
        .unwrap_or_default();
    let code = production_code(text);
    let mut faults: Vec<_> = named_after(&code, "crate::")
        .into_iter()
        .filter(|name| name != own && !allowed.contains(&name.as_str()))
        .map(|name| format!("{path}: {own} may not use {name}"))
        .collect();
    // `super` must not reach the root, where the check above would not see what it names.
    let climbs = "super::".repeat(module.len());
    if code.contains(&climbs) {
        faults.push(format!("{path}: write crate:: instead of {climbs}"));
    }
    faults
}

fn purity_faults(path: &str, text: &str) -> Vec<(String, String)> {
    let module = module_path(path);
    if !module
        .first()
        .is_some_and(|own| SANS_IO.contains(&own.as_str()))
    {
        return Vec::new();
    }
    impure_words(path, text)
}

fn impure_words(path: &str, text: &str) -> Vec<(String, String)> {
    let code = production_code(text);
    IMPURE
        .iter()
        .filter(|word| mentions(&code, word))
        .map(|word| (path.to_owned(), (*word).to_owned()))
        .collect()
}

fn is_excepted(path: &str, word: &str) -> bool {
    IMPURE_EXCEPTIONS
        .iter()
        .any(|(file, excepted, _)| *file == path && *excepted == word)
}

fn node_faults(path: &str, text: &str) -> Vec<String> {
    // The crates' own name begins alike: `firstbell_signaling`.
    let code = blank_comments_and_literals(text);
    let uses = mentions(&code, "firstbell::") || mentions(&code, "use firstbell;");
    uses.then(|| format!("{path} uses the node"))
        .into_iter()
        .collect()
}

fn manifest_faults(folder: &str, manifest: &str) -> Vec<String> {
    let depends = manifest.lines().any(|line| {
        let key = line.split(['=', '.', ' ']).next().unwrap_or_default();
        key == "firstbell" || line.contains("package = \"firstbell\"")
    });
    depends
        .then(|| format!("{folder}/Cargo.toml depends on the node"))
        .into_iter()
        .collect()
}

fn length_fault(path: &str, text: &str) -> Option<String> {
    let lines = text.lines().count();
    (lines > MAX_FILE_LINES).then(|| format!("{path}: {lines} lines, at most {MAX_FILE_LINES}"))
}

/// `src/wire/rtp.rs` -> `[wire, rtp]`, `src/wire/mod.rs` -> `[wire]`, `src/lib.rs` -> `[lib]`.
fn module_path(path: &str) -> Vec<String> {
    let inside = path.strip_prefix("src/").unwrap_or(path);
    let mut parts: Vec<_> = inside
        .trim_end_matches(".rs")
        .split('/')
        .map(str::to_owned)
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// Rust files below `folder` that are not tests, by path from the workspace's root.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut files = all_sources(folder);
    files.retain(|(path, _)| {
        let is_test =
            |part: &str| matches!(part, "tests" | "tests.rs") || part.ends_with("_tests.rs");
        !path.split('/').any(is_test)
    });
    files
}

fn all_sources(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&root().join(folder), &mut files);
    files.sort();
    assert!(!files.is_empty(), "no sources in {folder}");
    let relative = |path: &Path| {
        let relative = path.strip_prefix(root()).unwrap().components();
        let parts: Vec<_> = relative
            .map(|part| part.as_os_str().to_str().unwrap().to_owned())
            .collect();
        parts.join("/")
    };
    files
        .iter()
        .map(|path| (relative(path), fs::read_to_string(path).unwrap()))
        .collect()
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if name != "target" {
                collect(&path, files);
            }
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

// ---- that the checks can fail -------------------------------------------------------------------

mod checks {
    use super::*;

    #[test]
    fn an_upward_import_is_found_however_it_is_written() {
        for bad in [
            "use crate::shard::Shard;",
            "use crate::{media::RoomId, shard};",
            "use crate::{\n    media::{RoomId, ParticipantId},\n    net::Driver,\n};",
            "fn f(shard: &crate::shard::Shard) {}",
            "use super::super::shard::Shard;",
        ] {
            assert_eq!(import_faults("src/wire/rtp.rs", bad).len(), 1, "{bad}");
        }
        assert_eq!(import_faults("src/room/mod.rs", "use super::net;").len(), 1);
        assert_eq!(
            import_faults("src/net/a.rs", "use crate::plane::Plane;").len(),
            1
        );
        assert_eq!(
            import_faults("src/unknown/a.rs", "use crate::media::A;").len(),
            1
        );
    }

    #[test]
    fn downward_imports_comments_strings_and_tests_are_no_fault() {
        for good in [
            "use crate::media::RoomId; use crate::wire::stun;",
            "/// See [`crate::shard::Shard`]. use crate::shard;\nfn f() {}",
            "/* use crate::shard; /* nested */ use crate::net; */",
            "const A: &str = \"use crate::shard;\"; const B: &str = r#\"crate::net\"#;",
            "use super::extensions::Map;",
            "#[cfg(test)]\nmod tests {\n    use crate::shard::Shard;\n    fn f() { if true {} }\n}",
            "#[cfg(test)]\nmod tests;\n",
        ] {
            assert_eq!(import_faults("src/wire/rtp.rs", good), [""; 0], "{good}");
        }
        assert!(import_faults("src/server.rs", "use crate::plane::Plane;").is_empty());
    }

    #[test]
    fn code_behind_a_test_module_is_seen() {
        let text = "#[cfg(test)]\nmod tests { fn f() { '}'; } }\nuse crate::shard::Shard;";
        assert_eq!(import_faults("src/wire/rtp.rs", text).len(), 1);
    }

    #[test]
    fn every_impure_word_is_found_in_every_sans_io_layer() {
        for layer in SANS_IO {
            for word in IMPURE {
                let text = format!("fn f() {{ {word} }}");
                let found = purity_faults(&format!("src/{layer}/a.rs"), &text);
                let words: Vec<_> = found.iter().map(|(_, word)| word.as_str()).collect();
                assert!(words.contains(word), "{layer} {word}");
            }
        }
    }

    #[test]
    fn pure_code_and_layers_with_io_are_no_fault() {
        let pure = "// Instant::now\nfn f(now: Instant, tokio_like: u8) -> MutexLess { \"OsRng\" }";
        assert!(purity_faults("src/room/a.rs", pure).is_empty());
        assert!(purity_faults("src/net/udp.rs", "Instant::now()").is_empty());
        let test = "#[cfg(test)]\nmod tests { fn f() { Instant::now(); } }";
        assert!(purity_faults("src/room/a.rs", test).is_empty());
        assert!(!is_excepted("src/wire/rtp.rs", "rtc::"));
    }

    #[test]
    fn the_node_is_found_in_other_crates() {
        assert_eq!(node_faults("a.rs", "use firstbell::shard::Shard;").len(), 1);
        assert!(node_faults("a.rs", "use firstbell_signaling::plane;").is_empty());
        assert!(node_faults("a.rs", "// firstbell::shard").is_empty());
        assert_eq!(
            manifest_faults("a", "firstbell = { path = \"..\" }").len(),
            1
        );
        assert_eq!(manifest_faults("a", "firstbell.workspace = true").len(), 1);
        assert_eq!(
            manifest_faults("a", "x = { package = \"firstbell\" }").len(),
            1
        );
        assert!(manifest_faults("a", "firstbell-signaling.workspace = true").is_empty());
    }

    #[test]
    fn a_long_file_is_found() {
        assert_eq!(length_fault("a.rs", &"\n".repeat(MAX_FILE_LINES)), None);
        assert!(length_fault("a.rs", &"\n".repeat(MAX_FILE_LINES + 1)).is_some());
    }
}
