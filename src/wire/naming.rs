//! Whether an answer is about the object that was asked about, by the names that stand in it.

use percent_encoding::percent_decode_str;

/// How much of a wrong name is shown.
const SHOWN: usize = 100;

/// Whether a key in an answer is this one.
///
/// It may stand there as it is, in percent-encoding, with a slash before it, or behind the folder in which a gateway keeps
/// the bucket, or with one slash where there were more: SeaweedFS 4.48 answers so, and finds the object by either name. COS
/// writes it without the escapes of XML, so a key with such characters reads otherwise, and passes.
pub(crate) fn is_key(told: &str, key: &str) -> bool {
    let breaks = |character: char| matches!(character, '<' | '>' | '&') || character.is_control();
    let asked = plain(key);
    if told.is_empty() || asked.is_empty() || key.contains(breaks) {
        return true;
    }
    let decoded = |text: &str| plain(&percent_decode_str(text).decode_utf8_lossy());
    let forms = [plain(told), decoded(told), decoded(&told.replace('+', " "))];
    forms.iter().any(|told| is_behind(told, &asked, '/'))
}

/// Whether a bucket in an answer is this one.
///
/// It may stand behind a tenant. The alias of an access point is answered by the name of its bucket
/// (API_CompleteMultipartUpload.html), which nobody can tell from a wrong one.
pub(crate) fn is_bucket(told: &str, bucket: &str) -> bool {
    let alias = ["-s3alias", "--ol-s3", "--op-s3"].iter().any(|end| bucket.ends_with(end));
    let told = told.trim();
    told.is_empty() || alias || is_behind(told, bucket, ':') || is_behind(told, bucket, '/')
}

/// A wrong name as it is shown: with escapes, and not all of a long one.
pub(crate) fn shown(name: &str) -> String {
    format!("{:?}", name.chars().take(SHOWN).collect::<String>())
}

fn is_behind(told: &str, name: &str, between: char) -> bool {
    told.strip_suffix(name).is_some_and(|before| before.is_empty() || before.ends_with(between))
}

/// A key without a leading slash and empty folders, and without what readers of XML may change.
fn plain(key: &str) -> String {
    let folded: String = key.chars().filter(|character| !character.is_whitespace()).collect();
    folded.split('/').filter(|folder| !folder.is_empty()).collect::<Vec<_>>().join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_in_every_form_in_which_stores_write_it() {
        for told in
            ["", "a b/ü.bin", "/a b/ü.bin", "a%20b/%C3%BC.bin", "a+b%2F%c3%bc.bin", "\n a b/ü.bin ", "bucket/a b/ü.bin"]
        {
            assert!(is_key(told, "a b/ü.bin"), "{told}");
        }
        for told in ["b", "a b/u.bin", "xa b/ü.bin", "a b/ü.bin.old", "a b"] {
            assert!(!is_key(told, "a b/ü.bin"), "{told}");
        }
        assert!(is_key("a/b/c", "a//b///c") && is_key("a//b", "a//b") && !is_key("ab", "a//b"));
        assert!(is_key("a ", "a <b/>") && is_key("a & b", "a &amp; b"), "COS escapes nothing");
        assert!(is_key("100%", "100%") && !is_key("100", "100%"));
    }

    #[test]
    fn a_bucket_may_have_a_tenant_and_an_alias_any_name() {
        for (told, bucket) in [("b-1", "b-1"), ("", "b-1"), ("tenant:b-1", "b-1"), ("b-1", "point-xyz-s3alias")] {
            assert!(is_bucket(told, bucket), "{told}");
        }
        assert!(!is_bucket("b-2", "b-1") && !is_bucket("xb-1", "b-1"));
    }

    #[test]
    fn a_wrong_name_can_neither_break_a_line_nor_fill_the_screen() {
        assert_eq!(shown("a\nb"), r#""a\nb""#);
        assert_eq!(shown(&"x".repeat(5000)).len(), 102);
    }
}
