//! Text that people choose and others see: display names and room names.

/// Longest display name, in characters; the rest is cut off.
pub const MAX_NAME_CHARS: usize = 64;

/// Longest room name, in bytes of UTF-8.
pub const MAX_ROOM_BYTES: usize = 128;

/// A display name that cannot disturb a page or a terminal: one line, no control characters, no
/// bidirectional overrides, at most [`MAX_NAME_CHARS`]. `None` if nothing visible is left.
///
/// Zero-width joiners stay: emoji and several scripts need them.
pub fn clean_display_name(raw: &str) -> Option<String> {
    let mut clean = String::with_capacity(raw.len().min(MAX_NAME_CHARS * 4));
    let mut chars = 0;
    for word in raw.split(|c: char| c.is_whitespace() || c.is_control()) {
        let mut visible = word
            .chars()
            .filter(|c| !is_invisible_control(*c))
            .peekable();
        if visible.peek().is_none() {
            continue;
        }
        if chars > 0 && chars < MAX_NAME_CHARS {
            clean.push(' ');
            chars += 1;
        }
        for c in visible.take(MAX_NAME_CHARS - chars) {
            clean.push(c);
            chars += 1;
        }
    }
    let clean = clean.trim_end();
    let joiners_only = clean.chars().all(|c| matches!(c, '\u{200C}' | '\u{200D}'));
    (!joiners_only).then(|| clean.to_owned())
}

/// Characters that change how others are shown, or that hide.
fn is_invisible_control(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}'
        | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}'
        | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// Whether `room` can name a room: 1 to [`MAX_ROOM_BYTES`] bytes, no control characters, no
/// white space at the ends.
pub fn is_room_name(room: &str) -> bool {
    !room.is_empty()
        && room.len() <= MAX_ROOM_BYTES
        && room.trim() == room
        && !room
            .chars()
            .any(|c| c.is_control() || is_invisible_control(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in [
            "Anna",
            "Jörg Müller",
            "李 明",
            "👩\u{200D}🏫 Frau Weiß",
            "O'Brien-Łuk",
        ] {
            assert_eq!(clean_display_name(name).as_deref(), Some(name));
        }
    }

    #[test]
    fn control_characters_and_overrides_are_removed() {
        assert_eq!(
            clean_display_name("  An\u{0}na\n\tB ").as_deref(),
            Some("An na B")
        );
        assert_eq!(
            clean_display_name("\u{202E}annA\u{2066}").as_deref(),
            Some("annA")
        );
        assert_eq!(
            clean_display_name("\u{1b}[31mred").as_deref(),
            Some("[31mred")
        );
    }

    #[test]
    fn nothing_visible_is_no_name() {
        for raw in ["", "   ", "\u{200B}\u{202E}", "\n\r\t", "\u{200D}\u{200C}"] {
            assert_eq!(clean_display_name(raw), None, "{raw:?}");
        }
    }

    #[test]
    fn long_names_are_cut() {
        let cut = clean_display_name(&"ab ".repeat(100)).unwrap();
        assert!(cut.chars().count() <= MAX_NAME_CHARS);
        assert!(cut.starts_with("ab ab") && cut.ends_with("ab a"));
    }

    #[test]
    fn room_names() {
        for good in ["7b", "Klasse 7b", "math/7", "räume"] {
            assert!(is_room_name(good), "{good}");
        }
        let long = "a".repeat(MAX_ROOM_BYTES + 1);
        for bad in ["", " 7b", "7b ", "a\nb", "\u{202E}x", long.as_str()] {
            assert!(!is_room_name(bad), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn cleaning_is_bounded_and_stable(raw in any::<String>()) {
            if let Some(clean) = clean_display_name(&raw) {
                prop_assert!(clean.chars().count() <= MAX_NAME_CHARS);
                prop_assert!(!clean.chars().any(char::is_control));
                prop_assert_eq!(clean_display_name(&clean), Some(clean.clone()));
            }
        }
    }
}
