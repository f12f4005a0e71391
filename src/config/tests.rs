use super::*;

const SECRET: &str = "0123456789abcdef0123456789abcdef";

fn with_key(text: &str) -> String {
    format!("{text}\n[[tokens.keys]]\nid = \"a\"\nsecret = \"{SECRET}\"\n")
}

#[test]
fn defaults_stand_once_a_key_is_there() {
    let config = from_sources(&with_key(""), []).unwrap();
    assert_eq!(config.media.base_port, 40_000);
    assert!(config.media.shards >= 1);
    assert!(
        !config.signaling.dev_mode,
        "development mode is off unless written"
    );
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text = "
        [http]
        listen = \"nowhere\"
        tls_key_file = \"key.pem\"
        colour = 3
        [media]
        base_port = 65535
        shards = 4
        announce = [\"10.0.0.1\", \"ten\"]
        [limits]
        max_rooms = 0
        [log]
        format = \"xml\"
        [metrics]
        on = true
    ";
    let error = from_sources(text, []).unwrap_err();
    for key in [
        "http.listen",
        "tls_certificate_file",
        "http.colour",
        "media.base_port",
        "media.announce: \"ten\"",
        "limits.max_rooms",
        "log.format",
        "metrics: no such section",
        "tokens.keys",
    ] {
        assert!(
            error.mistakes.iter().any(|line| line.contains(key)),
            "{key} not in {error}"
        );
    }
    assert_eq!(error.mistakes.len(), 9, "{error}");
}

#[test]
fn an_announced_address_may_have_a_port() {
    let media = |announce: &str, shards: usize| {
        let text = format!("[media]\nshards = {shards}\nannounce = [\"{announce}\"]");
        from_sources(&with_key(&text), [])
    };
    for (written, ip, base_port) in [
        ("192.0.2.7:5000", "192.0.2.7", Some(5000)),
        ("[2001:db8::1]:5000", "2001:db8::1", Some(5000)),
        ("2001:db8::1", "2001:db8::1", None),
    ] {
        let ip = ip.parse().unwrap();
        let config = media(written, 2).unwrap();
        assert_eq!(config.media.announce, [AnnouncedAddress { ip, base_port }]);
    }
    assert!(media("192.0.2.7:65534", 2).is_ok());
    for (written, shards) in [("192.0.2.7:65535", 2), ("192.0.2.7:0", 1), ("a:5000", 1)] {
        let error = media(written, shards).unwrap_err();
        assert_eq!(error.mistakes.len(), 1, "{error}");
        assert!(error.mistakes[0].starts_with("media.announce"), "{error}");
    }
}

#[test]
fn environment_overrides_the_file() {
    let environment = [
        ("FIRSTBELL_MEDIA__BASE_PORT", "50000"),
        ("FIRSTBELL_MEDIA__ANNOUNCE", "[\"192.0.2.7\"]"),
        ("FIRSTBELL_HTTP__LISTEN", "127.0.0.1:9"),
        ("FIRSTBELL_CONFIG", "ignored.toml"),
        ("PATH", "/bin"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = from_sources(&with_key("[media]\nbase_port = 1000"), environment).unwrap();
    assert_eq!(config.media.base_port, 50_000);
    assert_eq!(
        config.media.announce,
        [AnnouncedAddress {
            ip: "192.0.2.7".parse().unwrap(),
            base_port: None,
        }]
    );
    assert_eq!(
        config.http.listen,
        "127.0.0.1:9".parse::<std::net::SocketAddr>().unwrap()
    );
}

#[test]
fn admission_follows_the_machine_unless_it_is_written() {
    let config = from_sources(&with_key("[media]\nshards = 2"), []).unwrap();
    let admission = &config.signaling.admission;
    assert_eq!((admission.joins_per_second, admission.burst), (400, 100));
    assert_eq!(admission.capacity.packets_per_second, 700_000);
    assert_eq!(admission.capacity.memory_bytes, u64::MAX);
    let text = "
        [admission]
        joins_per_second = 20
        packets_per_second = 1000
        bandwidth_megabits_per_second = 900
        memory_megabytes = 64
    ";
    let config = from_sources(&with_key(text), []).unwrap();
    let admission = &config.signaling.admission;
    assert_eq!((admission.joins_per_second, admission.burst), (20, 32));
    assert_eq!(admission.capacity.packets_per_second, 1000);
    assert_eq!(admission.capacity.bits_per_second, 900_000_000);
    assert_eq!(admission.capacity.memory_bytes, 64_000_000);
    let text = "
        [admission]
        unannounced_class_size = 0
        max_wait_seconds = 0
        max_waiting = 0
    ";
    let error = from_sources(&with_key(text), []).unwrap_err();
    assert_eq!(error.mistakes.len(), 3, "{error}");
}

#[test]
fn batching_is_on_and_each_means_can_be_turned_off() {
    let config = from_sources(&with_key(""), []).unwrap();
    assert!(config.media.gso && config.media.mmsg);
    let config = from_sources(&with_key("[media]\nmmsg = false"), []).unwrap();
    assert!(config.media.gso && !config.media.mmsg);
    let environment = [("FIRSTBELL_MEDIA__GSO".to_owned(), "false".to_owned())];
    let config = from_sources(&with_key("[media]\ngso = true"), environment).unwrap();
    assert!(!config.media.gso && config.media.mmsg);
    let error = from_sources(&with_key("[media]\ngso = \"auto\""), []).unwrap_err();
    assert!(error.mistakes[0].starts_with("media"), "{error}");
}

#[test]
fn short_or_missing_secrets_are_refused() {
    let error = from_sources("[[tokens.keys]]\nsecret = \"short\"", []).unwrap_err();
    assert!(error.mistakes[0].contains("at least 32"), "{error}");
    let error = from_sources("[[tokens.keys]]\nid = \"x\"", []).unwrap_err();
    assert!(
        error.mistakes[0].contains("either secret or secret_file"),
        "{error}"
    );
}

#[test]
fn wrong_types_name_their_section() {
    let error = from_sources(&with_key("[media]\nshards = \"two\""), []).unwrap_err();
    assert!(error.mistakes[0].starts_with("media"), "{error}");
}

#[test]
fn the_shipped_files_are_valid() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let dev = std::fs::read_to_string(root.join("dev.toml")).unwrap();
    assert!(from_sources(&dev, []).unwrap().signaling.dev_mode);
    // The documented file has no key of its own: a secret in a repository is no secret.
    let documented = std::fs::read_to_string(root.join("firstbell.toml")).unwrap();
    let config = from_sources(&with_key(&documented), []).unwrap();
    assert!(!config.signaling.dev_mode);
}

#[test]
fn the_documented_file_has_every_key_with_its_default() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("config/firstbell.toml");
    let documented: toml::Table = std::fs::read_to_string(root).unwrap().parse().unwrap();
    let mut defaults = toml::Table::try_from(written::Written::default()).unwrap();
    // Arrays of tables cannot be written empty in the file's style; it shows them in comments.
    if let Some(toml::Value::Table(tokens)) = defaults.get_mut("tokens") {
        tokens.remove("keys");
    }
    assert_eq!(documented, defaults);
}
