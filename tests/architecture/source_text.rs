//! Rust sources as text: enough of a lexer to tell code from comments, literals and tests.

/// First names behind every `prefix`, those of a `{...}` group included.
pub fn named_after(code: &str, prefix: &str) -> Vec<String> {
    let name_of = |text: &str| -> String {
        text.trim_start()
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect()
    };
    let mut names = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(is_word) || code[..at].ends_with('$') {
            continue;
        }
        let rest = code[at + prefix.len()..].trim_start();
        match rest.strip_prefix('{') {
            None => names.push(name_of(rest)),
            Some(group) => names.extend(group_members(group).into_iter().map(name_of)),
        }
    }
    names
}

/// The comma-separated parts of a group, up to its closing brace.
fn group_members(group: &str) -> Vec<&str> {
    let (mut depth, mut start, mut members) = (0, 0, Vec::new());
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' if depth == 0 => {
                members.push(&group[start..at]);
                start = at + 1;
            }
            '}' => {
                members.push(&group[start..at]);
                break;
            }
            _ => {}
        }
    }
    members.retain(|member| !member.trim().is_empty());
    members
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `word` occurs, not as a part of a longer name.
pub fn mentions(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let ends_in_word = word.ends_with(is_word);
        let after = code[at + word.len()..].chars().next();
        let goes_on = ends_in_word && after.is_some_and(is_word);
        !goes_on && !code[..at].ends_with(is_word)
    })
}

/// The code without comments, literals and test modules.
pub fn production_code(text: &str) -> String {
    let code = blank_comments_and_literals(text);
    let mut kept = String::new();
    let mut rest = code.as_str();
    while let Some(at) = rest.find("#[cfg(test)]") {
        kept.push_str(&rest[..at]);
        rest = skip_item(&rest[at + "#[cfg(test)]".len()..]);
    }
    kept.push_str(rest);
    kept
}

/// What follows one item: its body in braces, or its semicolon.
fn skip_item(code: &str) -> &str {
    let mut depth = 0;
    for (at, c) in code.char_indices() {
        match c {
            ';' if depth == 0 => return &code[at + 1..],
            '{' => depth += 1,
            '}' => {
                depth -= 1;
                if depth == 0 {
                    return &code[at + 1..];
                }
            }
            _ => {}
        }
    }
    ""
}

/// Comments and the insides of literals become spaces.
pub fn blank_comments_and_literals(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let end = match (chars[at], chars.get(at + 1)) {
            ('/', Some('/')) => line_end(&chars, at),
            ('/', Some('*')) => block_comment_end(&chars, at),
            ('"', _) => string_end(&chars, at + 1),
            ('r', Some('"' | '#')) if !at.checked_sub(1).is_some_and(|p| is_word(chars[p])) => {
                raw_string_end(&chars, at)
            }
            ('\'', Some(_)) => char_end(&chars, at),
            _ => at,
        };
        if end == at {
            out.push(chars[at]);
            at += 1;
            continue;
        }
        out.extend(chars[at..end].iter().map(|c| match c {
            '\n' => '\n',
            _ => ' ',
        }));
        at = end;
    }
    out
}

fn line_end(chars: &[char], at: usize) -> usize {
    let ahead = chars[at..].iter().position(|c| *c == '\n');
    ahead.map_or(chars.len(), |ahead| at + ahead)
}

fn block_comment_end(chars: &[char], at: usize) -> usize {
    let (mut depth, mut at) = (0, at);
    while at + 1 < chars.len() {
        match (chars[at], chars[at + 1]) {
            ('/', '*') => (depth, at) = (depth + 1, at + 2),
            ('*', '/') => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string_end(chars: &[char], mut at: usize) -> usize {
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string_end(chars: &[char], at: usize) -> usize {
    let hashes = chars[at + 1..].iter().take_while(|c| **c == '#').count();
    if chars.get(at + 1 + hashes) != Some(&'"') {
        return at; // a raw identifier
    }
    let mut end = at + 2 + hashes;
    while end < chars.len() {
        let closes = chars[end] == '"'
            && chars[end + 1..].iter().take_while(|c| **c == '#').count() >= hashes;
        if closes {
            return end + 1 + hashes;
        }
        end += 1;
    }
    chars.len()
}

/// A character literal's end; `at` itself for a lifetime.
fn char_end(chars: &[char], at: usize) -> usize {
    if chars[at + 1] == '\\' {
        let closing = chars[at + 3..].iter().position(|c| *c == '\'');
        return closing.map_or(at, |closing| at + 4 + closing);
    }
    match chars.get(at + 2) {
        Some('\'') => at + 3,
        _ => at,
    }
}

#[test]
fn lifetimes_and_character_literals_are_told_apart() {
    let code = "fn f<'a>(x: &'a str) { let c = ['\"', '\\'', '{', 'x']; tokio }";
    let blanked = blank_comments_and_literals(code);
    assert!(mentions(&blanked, "tokio"), "{blanked}");
    assert!(blanked.contains("&'a str"));
    assert!(!blanked.contains("'x'"));
}
