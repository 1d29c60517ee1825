//! What Initiate and PUT say about an object besides its bytes (/document/product/436/7746, /document/product/436/7749).

use super::super::{answer::Refusal, percent, request::Call, store::Properties};

const KEPT: [&str; 5] = ["content-type", "cache-control", "content-disposition", "content-encoding", "expires"];
const META: &str = "x-cos-meta-";
const STORAGE_CLASSES: [&str; 11] = [
    "STANDARD",
    "STANDARD_IA",
    "INTELLIGENT_TIERING",
    "ARCHIVE",
    "DEEP_ARCHIVE",
    "MAZ_STANDARD",
    "MAZ_STANDARD_IA",
    "MAZ_INTELLIGENT_TIERING",
    "MAZ_ARCHIVE",
    "COLD",
    "MAZ_COLD",
];
const ACLS: [&str; 7] = [
    "default",
    "private",
    "public-read",
    "public-read-write",
    "authenticated-read",
    "bucket-owner-read",
    "bucket-owner-full-control",
];

/// Reads and checks them.
pub(super) fn read(call: &Call) -> Result<Properties, Refusal> {
    let filled = |name: &str| Ok::<_, Refusal>(call.header(name)?.filter(|value| !value.is_empty()).map(str::to_owned));
    let mut headers = Vec::new();
    for name in KEPT {
        headers.extend(filled(name)?.map(|value| (name.to_owned(), value)));
    }
    let mut meta_size = 0;
    for name in call.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with(META)) {
        let value = call.header(name)?.unwrap_or_default();
        let size = name.len() - META.len() + value.len();
        meta_size += size;
        if size > 2048 || meta_size > 4096 {
            return Err(Refusal::argument("user metadata is limited to 2 KB each and 4 KB in all"));
        }
        headers.push((name.to_owned(), value.to_owned()));
    }
    let storage_class = filled("x-cos-storage-class")?;
    if storage_class.as_ref().is_some_and(|class| !STORAGE_CLASSES.contains(&class.as_str())) {
        return Err(Refusal::new(400, "NotSupportedStorageClass", "the storage class is not known"));
    }
    let acl = filled("x-cos-acl")?;
    if acl.as_ref().is_some_and(|acl| !ACLS.contains(&acl.as_str())) {
        return Err(Refusal::argument("the access control is not known"));
    }
    let tagging = filled("x-cos-tagging")?;
    if let Some(tagging) = &tagging {
        check_tags(tagging)?;
    }
    Ok(Properties { headers, storage_class, acl, tagging })
}

fn check_tags(tagging: &str) -> Result<(), Refusal> {
    let invalid = |message: &'static str| Refusal::new(400, "InvalidTag", message);
    let tags = percent::decode_query(tagging).ok_or_else(|| invalid("the tags are not percent-encoded UTF-8"))?;
    let allowed = |text: &str| text.chars().all(|c| c.is_alphanumeric() || " +-_=.:/".contains(c));
    if tags.len() > 10 {
        return Err(invalid("more than 10 tags"));
    }
    if tags.iter().any(|(key, value)| key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256) {
        return Err(invalid("a tag's key has 1 to 128 characters and its value at most 256"));
    }
    if tags.iter().any(|(key, value)| !allowed(key) || !allowed(value)) {
        return Err(invalid("a tag holds a character that is not allowed"));
    }
    Ok(())
}
