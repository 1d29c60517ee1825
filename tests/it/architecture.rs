//! The house rules that a compiler does not know: who may import whom, and how large a file may grow.
//!
//! The source is read as text: comments and literals are blanked, the rest is cut into words and signs, and every
//! path that starts with `crate`, or climbs out of its module with `super`, is followed to the top-level module it
//! names. Code under `#[cfg(test)]` obeys the same map.

use std::{
    fmt::Write as _,
    fs,
    iter::Peekable,
    path::{Path, PathBuf},
};

/// How the modules of one row stand to each other.
#[derive(Clone, Copy, PartialEq)]
enum Siblings {
    /// Neither sees the other.
    Apart,
    /// Each sees those named before it.
    Leftwards,
    /// One vocabulary: each may name the others.
    Together,
}

/// The map, from the top. A row may import every row below it, and within itself what its second field says.
const MAP: &[(&[&str], Siblings)] = &[
    (&["main", "cli"], Siblings::Together),
    (&["transfer"], Siblings::Apart),
    (&["transport", "credentials"], Siblings::Apart),
    (&["wire", "signing"], Siblings::Apart),
    (&["checksum", "sse"], Siblings::Leftwards),
    (&["ident", "operation", "dialect", "secret", "clock", "error", "small_file"], Siblings::Together),
];

/// The emulator stands beside the map, not in it: a bug that client and emulator shared would cancel itself out and
/// every test would pass.
const EMULATOR_MAY_IMPORT: &[&str] = &["secret", "clock"];

/// Only the command line (`serve`, `demo`) starts the emulator.
const MAY_IMPORT_EMULATOR: &[&str] = &["main", "cli"];

/// Where a dialect's variants may be named. Everywhere else the difference is a question that `Dialect` answers.
const MAY_NAME_DIALECTS: &[&str] = &["dialect", "signing", "cli"];

/// The same within the emulator, which has a `Spoken` and a table of its own.
const MAY_NAME_DIALECTS_OF_EMULATOR: &[&str] = &["dialect", "signature", "options"];

/// Names that say nothing about what a module is for.
const NAMELESS: &[&str] = &["util", "utils", "common", "helpers", "types"];

const LONGEST_FILE: usize = 500;

#[test]
fn modules_import_only_what_the_map_allows() {
    let files = sources();
    let mut paths = 0;
    let mut faults = String::new();
    for file in &files {
        for used in imports(file) {
            paths += 1;
            if let Err(why) = judge(file.top(), &used.target) {
                let _ = writeln!(faults, "{}:{}: {why}", file.path.display(), used.line);
            }
        }
    }
    assert!(faults.is_empty(), "imports that the map does not allow:\n{faults}");
    // An empty reading would pass for a clean one.
    assert!(files.len() > 10 && paths > 30, "read only {paths} paths in {} files", files.len());
}

#[test]
fn every_module_has_a_place_in_the_map() {
    let files = sources();
    for file in &files {
        assert!(
            matches!(file.top(), "lib" | "emulator" | "guide") || row(file.top()).is_some(),
            "{} belongs to no row of the map",
            file.path.display()
        );
    }
    for name in MAP.iter().flat_map(|(names, _)| names.iter()) {
        assert!(files.iter().any(|it| it.top() == *name), "the map names `{name}`, which is not there");
    }
}

#[test]
fn no_file_is_longer_than_five_hundred_lines() {
    for file in sources() {
        let lines = file.text.lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines: split it by idea", file.path.display());
    }
}

#[test]
fn every_module_is_named_for_what_it_does() {
    for file in sources() {
        let declared = declared_modules(&code_of(&file.text));
        for name in file.module.iter().chain(&declared) {
            assert!(!NAMELESS.contains(&name.as_str()), "{}: `{name}` is not a name", file.path.display());
        }
    }
}

#[test]
fn dialects_differ_in_one_table_only() {
    let mut faults = String::new();
    for file in sources() {
        for line in named_dialects(&file) {
            let _ = writeln!(faults, "{}:{line}: a variant of a dialect", file.path.display());
        }
    }
    assert!(faults.is_empty(), "ask the dialect instead of matching on it:\n{faults}");
}

#[test]
fn a_forbidden_import_is_reported_however_it_is_written() {
    for (path, text) in [
        ("wire/mod.rs", "use crate::signing::Signer;"),
        ("wire/mod.rs", "use crate :: signing :: Signer;"),
        ("wire/mod.rs", "use crate::{\n    dialect::Dialect,\n    signing::{\n        Signer,\n    },\n};"),
        ("wire/xml.rs", "fn f() { let it = crate::signing::seal(); }"),
        ("wire/xml.rs", "fn f() -> crate::signing::Signer { g(\"crate::error::Error\") }"),
        ("wire/mod.rs", "use super::signing::Signer;"),
        ("wire/xml.rs", "use super::super::signing::Signer;"),
        ("wire/xml.rs", "use super::{super::signing::Signer, Head};"),
        ("wire/mod.rs", "mod deep { use super::super::{sse, signing}; }"),
        ("wire/mod.rs", "#[cfg(test)]\nmod tests { use crate::signing::Signer; }"),
        ("wire/mod.rs", "macro_rules! m { () => { $crate::signing::seal() } }"),
        ("wire/mod.rs", "fn f<'a>(c: char) { if c == '\"' || c == '\\'' { crate::signing::seal() } }"),
        ("wire/mod.rs", "use crate as sealift;"),
        ("wire/mod.rs", "use crate::*;"),
        ("wire/mod.rs", "use crate::{self as all};"),
        ("wire/mod.rs", "/* outer /* inner */ still */ use crate::r#signing::Signer;"),
        ("checksum/mod.rs", "use crate::sse::SseContext;"),
        ("credentials/mod.rs", "use crate::transport::StoreClient;"),
        ("transport/mod.rs", "use crate::transfer::Plan;"),
        ("transfer/mod.rs", "use crate::cli::main;"),
        ("transfer/mod.rs", "#[cfg(test)] use crate::emulator::Emulator;"),
        ("error.rs", "use crate::checksum::Crc64;"),
        ("emulator/auth.rs", "use crate::signing::seal;"),
        ("emulator/mod.rs", "use crate::error::Error;"),
        ("emulator/mod.rs", "use crate::a_module_not_in_the_map::X;"),
    ] {
        assert_eq!(forbidden(path, text), 1, "{path}: {text}");
    }
}

#[test]
fn an_allowed_import_is_not_reported() {
    for (path, text) in [
        ("wire/mod.rs", "use crate::{checksum::Crc64, error::{Error, Result}, sse::SseContext, wire::xml};"),
        ("wire/mod.rs", "// use crate::signing::Signer;\n/* crate::cli */ /// crate::transfer\nfn f() {}"),
        ("wire/mod.rs", "const A: &str = \"crate::signing \\\" crate::cli\"; const B: &str = r#\"\"crate::cli\"#;"),
        ("wire/mod.rs", "pub(crate) fn f() {} pub(in crate::wire) fn g() {}"),
        ("wire/mod.rs", "mod tests { use super::*; } use self::xml::Element; mod xml {}"),
        ("wire/xml/tests.rs", "use super::super::Head; use super::*;"),
        ("error.rs", "use crate::{ident::PartNumber, operation::Operation};"),
        ("ident.rs", "use crate::{dialect::Dialect, error::Error};"),
        ("sse/mod.rs", "use crate::checksum::Crc64;"),
        ("emulator/mod.rs", "use crate::{clock::Clock, secret::Secret};"),
        ("emulator/faults/plan.rs", "use crate::emulator::Request; use super::super::Emulator;"),
        ("cli/demo.rs", "use crate::{emulator::Emulator, transfer::Uploader};"),
        ("main.rs", "fn main() { sealift::cli::main() }"),
        ("lib.rs", "pub use crate::transfer::Uploader; pub use transfer::Plan;"),
    ] {
        assert_eq!(forbidden(path, text), 0, "{path}: {text}");
    }
}

#[test]
fn a_dialect_named_in_the_wrong_place_is_reported() {
    let named = |path: &str, text: &str| named_dialects(&Source::new(path, text)).len();
    assert_eq!(named("wire/mod.rs", "match d { Dialect::Cos => 1, Dialect::S3 => 2 }"), 2);
    assert_eq!(named("transfer/plan.rs", "if d == crate::dialect::Dialect :: Cos {}"), 1);
    assert_eq!(named("ident.rs", "fn f(it: Dialect) { it == Dialect::Cos }"), 1);
    assert_eq!(named("ident.rs", "fn f(it: Dialect) { Dialect::from_scheme(it) } // Dialect::Cos"), 0);
    assert_eq!(named("wire/mod.rs", "fn f() { '}' } #[cfg(test)] mod t { fn g() { Dialect::Cos } } fn h() {}"), 0);
    assert_eq!(named("wire/mod.rs", "#[cfg(test)] mod t; fn g() { Dialect::Cos }"), 1);
    assert_eq!(named("emulator/xml.rs", "fn f(it: Spoken) { it == Spoken::S3 }"), 1);
    assert_eq!(named("sse/echo.rs", "fn f(it: Dialect) { it == Dialect::S3 }"), 1);
    assert_eq!(named("sse/carriage.rs", "fn f(it: Dialect) { it == Dialect::S3 }"), 0);
    assert_eq!(named("wire/mod.rs", "fn f(it: Dialect) { it == dialect::S3 }"), 1);
    assert_eq!(named("wire/tests.rs", "Dialect::Cos"), 0);
    assert_eq!(named("signing/cos.rs", "Dialect::Cos"), 0);
    assert_eq!(named("emulator/signature/mod.rs", "Dialect::Cos"), 0);
    assert_eq!(named("emulator/operations/copy.rs", "Dialect::Cos"), 1);
}

/// How many paths in `text` the map does not allow, were it the file `src/PATH`.
fn forbidden(path: &str, text: &str) -> usize {
    let file = Source::new(path, text);
    imports(&file).iter().filter(|it| judge(file.top(), &it.target).is_err()).count()
}

/// Whether the map lets `from` import `to`; if not, the reason.
fn judge(from: &str, to: &str) -> Result<(), String> {
    // lib.rs holds no code: it names the modules and re-exports the few types that users start from.
    if from == to || from == "lib" {
        return Ok(());
    }
    if from == "emulator" {
        return if EMULATOR_MAY_IMPORT.contains(&to) {
            Ok(())
        } else {
            Err(format!("`emulator` stands apart from the client and may not import `{to}`"))
        };
    }
    if to == "emulator" {
        return if MAY_IMPORT_EMULATOR.contains(&from) {
            Ok(())
        } else {
            Err(format!("`{from}` may not import `emulator`"))
        };
    }
    let (Some((upper, left)), Some((lower, right))) = (row(from), row(to)) else {
        return Err(format!("`{from}` imports `{to}`, and the map does not know both"));
    };
    let allowed = upper < lower
        || upper == lower
            && match MAP[upper].1 {
                Siblings::Apart => false,
                Siblings::Leftwards => left > right,
                Siblings::Together => true,
            };
    if allowed { Ok(()) } else { Err(format!("`{from}` may not import `{to}`")) }
}

/// The row of a module, counted from the top, and its place in the row.
fn row(module: &str) -> Option<(usize, usize)> {
    MAP.iter().enumerate().find_map(|(row, (names, _))| Some((row, names.iter().position(|it| *it == module)?)))
}

/// One file of `src/`.
struct Source {
    path: PathBuf,
    text: String,
    /// The module that the file is, from the crate's root: `wire/xml.rs` is `["wire", "xml"]`, `lib.rs` is empty.
    module: Vec<String>,
}

impl Source {
    fn new(path: impl Into<PathBuf>, text: &str) -> Self {
        let path = path.into();
        let module = path.with_extension("").iter().map(|it| it.to_string_lossy().into_owned()).collect::<Vec<_>>();
        let module = match module.last().map(String::as_str) {
            Some("mod") => module[..module.len() - 1].to_vec(),
            Some("lib") if module.len() == 1 => Vec::new(),
            _ => module,
        };
        Self { path, text: text.to_owned(), module }
    }

    /// The top-level module that the file belongs to.
    fn top(&self) -> &str {
        self.module.first().map_or("lib", String::as_str)
    }

    /// The binary calls the library by its name.
    fn is_binary(&self) -> bool {
        self.top() == "main"
    }
}

fn sources() -> Vec<Source> {
    fn walk(root: &Path, at: &Path, found: &mut Vec<Source>) {
        for entry in fs::read_dir(at).expect("src/ can be listed") {
            let path = entry.expect("src/ can be listed").path();
            if path.is_dir() {
                walk(root, &path, found);
            } else if path.extension().is_some_and(|it| it == "rs") {
                let text = fs::read_to_string(&path).expect("source is readable text");
                found.push(Source::new(path.strip_prefix(root).expect("src/ holds what is found in it"), &text));
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    walk(&root, &root, &mut found);
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// A word or a sign of the source, with its line. `::` is one sign.
#[derive(Clone, Debug)]
struct Token {
    text: String,
    line: usize,
}

/// A path into another place of the crate: the top-level module it names.
struct Import {
    target: String,
    line: usize,
}

/// Every path of a file that starts at the crate's root or climbs to it.
fn imports(file: &Source) -> Vec<Import> {
    let mut found = Vec::new();
    // The modules we are in: those of the file, then one per `mod name {` that is open.
    let mut depth = file.module.len();
    let mut open = Vec::new();
    let tokens = code_of(&file.text);
    let mut rest = tokens.iter().peekable();
    let mut last = ["", ""];
    while let Some(token) = rest.next() {
        match token.text.as_str() {
            "{" => {
                let is_module = last[0] == "mod";
                depth += usize::from(is_module);
                open.push(is_module);
            }
            "}" => depth -= usize::from(open.pop().unwrap_or(false)),
            "crate" => climb(0, token.line, last, &mut rest, &mut found),
            "super" if last[1] != "::" => climb(depth.saturating_sub(1), token.line, last, &mut rest, &mut found),
            "sealift" if file.is_binary() => climb(0, token.line, last, &mut rest, &mut found),
            _ => {}
        }
        last = [last[1], token.text.as_str()];
    }
    found
}

/// Follows a path whose first word was just read and which stands `depth` modules below the root.
///
/// `pub(crate)` and `pub(super)` are no paths. `crate` that is renamed or taken whole hides what is used of it: it
/// counts as a path to a module called so, which the map does not know.
fn climb<'a>(
    depth: usize,
    line: usize,
    last: [&str; 2],
    rest: &mut Peekable<impl Iterator<Item = &'a Token> + Clone>,
    found: &mut Vec<Import>,
) {
    // Braces of a group must be seen by the caller too, which counts them: read ahead on a copy.
    let mut ahead = rest.clone();
    if ahead.next_if(|it| it.text == "::").is_some() {
        tree(depth, &mut ahead, found);
    } else if depth == 0 && last[1] != "(" && last[1] != "in" {
        found.push(Import { target: "crate itself".to_owned(), line });
    }
}

/// Reads what follows a `::`, which may be a group.
fn tree<'a>(depth: usize, rest: &mut Peekable<impl Iterator<Item = &'a Token>>, found: &mut Vec<Import>) {
    let Some(token) = rest.next() else { return };
    match token.text.as_str() {
        "{" => {
            while rest.peek().is_some_and(|it| it.text != "}") {
                tree(depth, rest, found);
                let mut open = 0;
                // To the next branch of this group, past what a branch holds in groups of its own.
                while let Some(it) = rest.peek() {
                    match it.text.as_str() {
                        "{" => open += 1,
                        "}" if open == 0 => break,
                        "}" => open -= 1,
                        _ => {}
                    }
                    let comma = rest.next().is_some_and(|it| it.text == ",");
                    if comma && open == 0 {
                        break;
                    }
                }
            }
            rest.next();
        }
        "super" => {
            let goes_on = rest.next_if(|it| it.text == "::").is_some();
            if goes_on {
                tree(depth.saturating_sub(1), rest, found);
            }
        }
        name if depth == 0 => {
            let target = if matches!(name, "*" | "self") { "crate itself" } else { name };
            found.push(Import { target: target.to_owned(), line: token.line });
        }
        _ => {}
    }
}

/// The names after `mod`.
fn declared_modules(tokens: &[Token]) -> Vec<String> {
    tokens.windows(2).filter(|it| it[0].text == "mod").map(|it| it[1].text.clone()).collect()
}

/// The lines that name a variant of `Dialect` where it has no business. Tests may, and what fuzzers call.
fn named_dialects(file: &Source) -> Vec<usize> {
    let within = file.module.get(1).map_or("", String::as_str);
    let exempt = MAY_NAME_DIALECTS.contains(&file.top())
        || file.top() == "sse" && within == "carriage"
        || file.top() == "emulator" && MAY_NAME_DIALECTS_OF_EMULATOR.contains(&within)
        || file.module.iter().any(|it| it == "tests" || it == "fuzzing");
    if exempt {
        return Vec::new();
    }
    without_tests(&code_of(&file.text))
        .windows(3)
        .filter(|it| {
            let of_dialects = ["Dialect", "Spoken"].contains(&it[0].text.as_str());
            let variant = of_dialects && it[1].text == "::" && it[2].text.starts_with(char::is_uppercase);
            // The constants of the same names, however they are imported.
            variant || !of_dialects && ["COS", "S3"].contains(&it[2].text.as_str())
        })
        .map(|it| it[2].line)
        .collect()
}

/// The tokens outside `#[cfg(test)]` modules that stand in the same file.
fn without_tests(tokens: &[Token]) -> Vec<Token> {
    const GATE: [&str; 8] = ["#", "[", "cfg", "(", "test", ")", "]", "mod"];
    let mut kept = Vec::new();
    let mut rest = tokens;
    while let Some(first) = rest.first() {
        let gated = rest.len() > 9 && rest.iter().zip(GATE).all(|(it, sign)| it.text == sign) && rest[9].text == "{";
        if !gated {
            kept.push(first.clone());
            rest = &rest[1..];
            continue;
        }
        let mut open = 0;
        let end = rest.iter().position(|it| {
            open += i32::from(it.text == "{") - i32::from(it.text == "}");
            open == 0 && it.text == "}"
        });
        rest = &rest[end.map_or(rest.len(), |it| it + 1)..];
    }
    kept
}

/// The words and signs of Rust source, without comments and literals.
fn code_of(text: &str) -> Vec<Token> {
    let chars = text.chars().collect::<Vec<_>>();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let is_word = |it: char| it.is_alphanumeric() || it == '_';
    let mut tokens = Vec::<Token>::new();
    let (mut i, mut line) = (0, 1);
    while i < chars.len() {
        let start = i;
        match at(i) {
            '/' if at(i + 1) == '/' => {
                while i < chars.len() && at(i) != '\n' {
                    i += 1;
                }
            }
            '/' if at(i + 1) == '*' => {
                let mut nested = 0;
                loop {
                    match (at(i), at(i + 1)) {
                        ('/', '*') => (nested, i) = (nested + 1, i + 2),
                        ('*', '/') => (nested, i) = (nested - 1, i + 2),
                        _ => i += 1,
                    }
                    if nested == 0 || i >= chars.len() {
                        break;
                    }
                }
            }
            '"' => i = quoted(&chars, i, '"'),
            // A letter in quotes, unless it is a lifetime: those have no closing quote.
            '\'' if at(i + 1) == '\\' || at(i + 2) == '\'' => i = quoted(&chars, i, '\''),
            '\'' => i += 1,
            it if is_word(it) => {
                while is_word(at(i)) {
                    i += 1;
                }
                let word = chars[start..i].iter().collect::<String>();
                let hashes = chars[i..].iter().take_while(|it| **it == '#').count();
                let is_prefix = matches!(word.as_str(), "r" | "br" | "cr");
                if is_prefix && at(i + hashes) == '"' {
                    i = raw(&chars, i + hashes + 1, hashes);
                } else if word == "r" && hashes == 1 && is_word(at(i + 1)) {
                    i += 1; // a raw name, `r#type`: its sign is dropped, its word comes next
                } else {
                    tokens.push(Token { text: word, line });
                }
            }
            ':' if at(i + 1) == ':' => {
                i += 2;
                tokens.push(Token { text: "::".to_owned(), line });
            }
            it => {
                i += 1;
                if !it.is_whitespace() {
                    tokens.push(Token { text: it.to_string(), line });
                }
            }
        }
        line += chars[start..i.min(chars.len())].iter().filter(|it| **it == '\n').count();
    }
    tokens
}

/// The place after a literal that opens at `from`, whose escapes are skipped.
fn quoted(chars: &[char], from: usize, quote: char) -> usize {
    let mut i = from + 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// The place after a raw string whose text starts at `from` and which ends with a quote and so many hashes.
fn raw(chars: &[char], from: usize, hashes: usize) -> usize {
    let mut i = from;
    while i < chars.len() && !(chars[i] == '"' && chars[i + 1..].iter().take_while(|it| **it == '#').count() >= hashes)
    {
        i += 1;
    }
    i + 1 + hashes
}
