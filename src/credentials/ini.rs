//! INI files as Python's `configparser` reads them, which the official tools of both stores are built on.
//!
//! By hand, because `rust-ini` joins a line without `=` to the next one instead of refusing it: a slip would hide a
//! key. Nor does it know that an indented line goes on with the setting above, as the nested settings of AWS do.
//!
//! Names and values are pieces of the text: no copy of a secret is made for settings that nobody asks for.

use std::ops::Range;

use super::fault::Fault;

/// A section: its name between the brackets, and its settings.
pub(super) struct Section<'a> {
    pub(super) name: &'a str,
    settings: Vec<(&'a str, &'a str)>,
}

impl<'a> Section<'a> {
    /// Names and values as they stand, in their order.
    pub(super) fn settings(&self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.settings.iter().copied()
    }

    /// A setting's value as it stands; names differ in more than case. The last one counts if it comes twice.
    ///
    /// A value of several lines has their line ends and indentation in it.
    pub(super) fn get(&self, name: &str) -> Option<&'a str> {
        self.settings.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| *value)
    }
}

/// The last value of a setting in all sections of that name; an empty one counts as absent.
pub(super) fn find<'a>(sections: &[Section<'a>], section: &str, setting: &str) -> Option<&'a str> {
    let mut named = sections.iter().rev().filter(|it| it.name == section);
    named.find_map(|it| it.get(setting)).filter(|value| !value.is_empty())
}

/// Cuts a text into sections.
///
/// An option that is indented deeper than the one above is a further line of that one's value. Lines that start with
/// `#` or `;` are comments, wherever they start; after a value there are none.
///
/// # Errors
/// The line that is neither a section nor an option.
pub(super) fn parse(text: &str) -> Result<Vec<Section<'_>>, Fault> {
    let mut sections = Vec::<Section<'_>>::new();
    // The value that an indented line would go on with, and how deep its name stands.
    let mut open: Option<(Range<usize>, usize)> = None;
    let text = text.trim_start_matches('\u{feff}');
    let mut offset = 0;
    for (index, whole) in text.split_inclusive('\n').enumerate() {
        let start = offset;
        offset += whole.len();
        let line = whole.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        let indent = whole.len() - whole.trim_start().len();
        let end = start + indent + line.len();
        let broken = || Fault::new("it is neither a section nor an option").at(Some(index + 1));
        match &mut open {
            Some((value, depth)) if indent > *depth => {
                value.end = end;
                let last = sections.last_mut().and_then(|section| section.settings.last_mut());
                if let Some((_, text_of)) = last {
                    *text_of = &text[value.clone()];
                }
                continue;
            }
            _ => open = None,
        }
        if let Some(line) = line.strip_prefix('[') {
            let (name, rest) = line.split_once(']').ok_or_else(broken)?;
            if !(rest.trim_start().is_empty() || rest.trim_start().starts_with(['#', ';'])) {
                return Err(broken());
            }
            sections.push(Section { name: name.trim(), settings: Vec::new() });
        } else {
            let section = sections.last_mut().ok_or_else(broken)?;
            let (name, value) = line.split_once(['=', ':']).ok_or_else(broken)?;
            if name.trim().is_empty() {
                return Err(broken());
            }
            let value = value.trim_start();
            section.settings.push((name.trim(), value));
            open = Some((end - value.len()..end, indent));
        }
    }
    Ok(sections)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[(&str, &[(&str, &str)])]) {
        let sections = parse(text).unwrap();
        let found = sections.iter().map(|it| (it.name, it.settings.as_slice())).collect::<Vec<_>>();
        assert_eq!(found, expected, "{text}");
    }

    #[track_caller]
    fn broken(text: &str, line: usize) {
        assert_eq!(parse(text).err().and_then(|fault| fault.line), Some(line), "{text}");
    }

    #[test]
    fn settings_belong_to_the_section_above() {
        check("", &[]);
        check("\u{feff}[a]\r\nx = 1\r\n[b]\n\n y:2\n", &[("a", &[("x", "1")]), ("b", &[("y", "2")])]);
        check("[ a\t]\nx \t=  \t1=2 \t", &[("a", &[("x", "1=2")])]);
        check("[a]\nx =\ny=", &[("a", &[("x", ""), ("y", "")])]);
    }

    #[test]
    fn comments_have_lines_of_their_own_or_follow_a_section() {
        check("# c\n[a] ; c]\n  ; c\nx = 1 # 2\n[b]# c", &[("a", &[("x", "1 # 2")]), ("b", &[])]);
    }

    #[test]
    fn a_line_that_is_indented_deeper_goes_on_with_the_setting_above() {
        check(
            "[a]\ns3 =\n  x = 1\n\n  # c\n  y = 2\nz = 3",
            &[("a", &[("s3", "\n  x = 1\n\n  # c\n  y = 2"), ("z", "3")])],
        );
        check("[a]\nx = 1\n 2", &[("a", &[("x", "1\n 2")])]);
        // All of a section may be indented.
        check("[a]\n  x = 1\n  y = 2\nz = 3", &[("a", &[("x", "1"), ("y", "2"), ("z", "3")])]);
        broken("[a]\nx = 1\n[b]\n  -continued", 4);
    }

    #[test]
    fn what_is_neither_a_section_nor_an_option_is_refused_with_its_line() {
        broken("x = 1", 1);
        broken("[a]\n\ntopsecret\nx = 1", 3);
        broken("[a]\n= 1", 2);
        broken("[a\nx = 1", 1);
        broken("[a] b\nx = 1", 1);
    }

    #[test]
    fn the_last_of_a_name_counts_and_an_empty_one_is_none() {
        let sections = parse("[a]\nX = 1\nx = 2\n[b]\nx = 3\n[a]\ny = 4\nz =").unwrap();
        assert_eq!(find(&sections, "a", "x"), Some("2"));
        assert_eq!(find(&sections, "a", "y"), Some("4"));
        assert_eq!(find(&sections, "a", "z"), None);
        assert_eq!(find(&sections, "A", "x"), None);
    }
}
