//! What Initiate and PUT say about an object besides its bytes (/document/product/436/7746, /document/product/436/7749).

use super::{
    super::{answer::Refusal, percent, request::Call, store::Properties},
    Core,
};

/// Reads and checks them.
pub(super) fn read(core: &Core, call: &Call) -> Result<Properties, Refusal> {
    let (names, rules, refusals) = (call.dialect.names(), call.dialect.rules(), call.dialect.refusals());
    let filled = |name: &str| Ok::<_, Refusal>(call.header(name)?.filter(|value| !value.is_empty()).map(str::to_owned));
    let mut headers = Vec::new();
    for &name in rules.kept {
        let value = filled(name)?.map(|value| if name == "content-encoding" { without_chunks(&value) } else { value });
        headers.extend(value.filter(|value| !value.is_empty()).map(|value| (name.to_owned(), value)));
    }
    let (mut meta_size, most_meta) = (0, core.options.limits.max_meta_bytes);
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    for name in call.headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with(names.meta)) {
        let value = call.header(name)?.unwrap_or_default();
        let size = name.len() - names.meta.len() + value.len();
        meta_size += size;
        if size > most_meta.0 || meta_size > most_meta.1 {
            return Err(refusals.much_meta.into());
        }
        // "Unsupported", the manual says, and not what happens then.
        let suffix = &name[names.meta.len()..];
        if core.options.strict && rules.plain_meta_names && (suffix.is_empty() || !suffix.bytes().all(plain)) {
            return Err(Refusal::argument(format!("{name} must have letters, digits and hyphens, and no others")));
        }
        headers.push((name.to_owned(), value.to_owned()));
    }
    for name in call.headers.keys().map(http::HeaderName::as_str) {
        if rules.grants.is_some_and(|start| name.starts_with(start)) {
            let granted = call.header(name)?.unwrap_or_default();
            let id =
                |grant: &str| grant.trim().strip_prefix("id=\"").is_some_and(|id| id.len() > 1 && id.ends_with('"'));
            if !granted.split(',').all(id) {
                return Err(Refusal::argument(format!("{name} must be id=\"…\",id=\"…\"")));
            }
        }
    }
    let storage_class = filled(names.storage_class)?;
    if storage_class.as_ref().is_some_and(|class| !rules.storage_classes.contains(&class.as_str())) {
        return Err(refusals.unknown_storage_class.into());
    }
    if let (Some(class), Some(zoned)) = (&storage_class, rules.zoned_classes)
        && class.starts_with(zoned) != core.options.multi_az
    {
        let told = if core.options.multi_az {
            "OAZOperationNotSupportOnMAZBucket"
        } else {
            "MAZOperationNotSupportOnOAZBucket"
        };
        return Err(Refusal::new(400, told, "the bucket does not take objects of this storage class"));
    }
    let acl = filled(names.acl)?;
    if acl.as_ref().is_some_and(|acl| !rules.acls.contains(&acl.as_str())) {
        return Err(Refusal::argument("the access control is not known"));
    }
    let tagging = filled(names.tagging)?;
    if let Some(tagging) = &tagging {
        check_tags(tagging)?;
    }
    Ok(Properties { headers, storage_class, acl, tagging })
}

/// The encoding of the request's body is not the object's.
fn without_chunks(encoding: &str) -> String {
    let kept: Vec<&str> = encoding.split(',').map(str::trim).filter(|name| *name != "aws-chunked").collect();
    kept.join(", ")
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
