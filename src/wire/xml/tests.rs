use proptest::prelude::*;

use super::*;

fn parse(text: &str) -> Result<Element, Malformed> {
    Element::parse(text.as_bytes())
}

#[test]
fn white_space_may_come_before_the_declaration() {
    let root = parse("  \n\n   <?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<A><B>c</B></A>\n").unwrap();
    assert_eq!((root.name.as_str(), root.text("B")), ("A", Some("c")));
    assert_eq!(parse("\u{feff}<A/>").unwrap().name, "A");
}

#[test]
fn namespaces_and_attributes_are_ignored() {
    let root = parse("<c:A xmlns:c=\"urn:x\" xmlns=\"urn:y\" z='1'><c:B w=\"2\">d</c:B></c:A>").unwrap();
    assert_eq!((root.name.as_str(), root.text("B")), ("A", Some("d")));
}

#[test]
fn text_comes_in_pieces_and_is_joined() {
    let root = parse("<A><K> a&amp;b &#x4e2d;&#25991;<![CDATA[<&]]>&quot;&apos;&lt;&gt;<!-- no --> </K></A>").unwrap();
    assert_eq!(root.raw("K"), Some(" a&b 中文<&\"'<> "));
    assert_eq!(root.text("K"), Some("a&b 中文<&\"'<>"));
}

#[test]
fn empty_elements_have_no_text() {
    let root = parse("<A><B/><C></C><D> </D></A>").unwrap();
    assert_eq!((root.raw("B"), root.text("B"), root.text("C"), root.text("D")), (Some(""), None, None, None));
    assert_eq!((root.raw("E"), root.text("E")), (None, None));
}

#[test]
fn what_is_not_a_whole_document_is_told_apart() {
    assert_eq!(parse(""), Err(Malformed::Empty));
    assert_eq!(parse(" \r\n\t "), Err(Malformed::Empty));
    assert_eq!(parse("<A><B>c</B>"), Err(Malformed::Truncated));
    assert_eq!(parse("<?xml version=\"1.0\"?>"), Err(Malformed::Truncated));
    for ill in [
        "text",
        "<A></B>",
        "</A>",
        "<A/><A/>",
        "<A/>text",
        "<A>&nbsp;</A>",
        "<A>a & b</A>",
        "<A>&#0;</A>",
        "<A>&#xD800;</A>",
    ] {
        assert!(matches!(parse(ill), Err(Malformed::IllFormed(_))), "{ill}: {:?}", parse(ill));
    }
}

#[test]
fn no_entity_is_expanded_that_a_document_declares() {
    let bomb = "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;\">]><A>&c;</A>";
    assert!(matches!(parse(bomb), Err(Malformed::IllFormed(_))));
}

#[test]
fn depth_number_and_length_are_bounded() {
    let deep = "<a>".repeat(MAX_DEPTH) + &"</a>".repeat(MAX_DEPTH);
    assert!(parse(&deep).is_ok());
    assert_eq!(parse(&"<a>".repeat(100_000)), Err(Malformed::Excessive));
    let many = format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS));
    assert_eq!(parse(&many), Err(Malformed::Excessive));
    let long = format!("<a>{}</a>", "b".repeat(LARGEST_ANSWER));
    assert_eq!(parse(&long), Err(Malformed::Excessive));
}

#[test]
fn bytes_that_are_not_utf_8_spoil_only_their_own_element() {
    let root = Element::parse(b"<A><Key>\xff\xfe</Key><B>c</B></A>").unwrap();
    assert_eq!((root.raw("Key"), root.text("B")), (Some("\u{fffd}\u{fffd}"), Some("c")));
}

#[test]
fn any_cut_of_a_document_is_an_error() {
    let whole = " <?xml version=\"1.0\"?><A><B>c&amp;</B><!-- d --><C><![CDATA[e]]></C></A>";
    for cut in 0..whole.len() {
        assert!(parse(&whole[..cut]).is_err(), "cut at byte {cut}");
    }
    assert!(parse(whole).is_ok());
}

proptest! {
    #[test]
    fn any_text_survives_being_escaped(text in "[^\\r\\x00-\\x08]*") {
        let document = format!("<A><B>{}</B></A>", quick_xml::escape::escape(text.as_str()));
        let root = parse(&document).unwrap();
        prop_assert_eq!(root.raw("B"), Some(text.as_str()));
    }
}
