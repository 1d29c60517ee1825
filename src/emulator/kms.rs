//! The keys of a key management service that is always there.

use ring::digest;

use super::{
    answer::Refusal,
    crypt,
    dialect::{OWNER_OF_S3, Spoken},
    hex,
    options::EmulatorOptions,
};
use crate::secret::Secret;

/// The key that a request names, as answers tell it: COS tells the id that was given, S3 the key's ARN.
pub(super) fn resolve(dialect: Spoken, given: Option<&str>, options: &EmulatorOptions) -> Result<String, Refusal> {
    let absent = || Refusal::from(dialect.refusals().absent_kms_key);
    let given = given.unwrap_or(&options.guesses.default_kms_key_id);
    let sound = !given.is_empty() && given.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_:/.".contains(&byte));
    if !sound || options.guesses.absent_kms_keys.iter().any(|none| none == given) {
        return Err(absent());
    }
    if options.guesses.disabled_kms_keys.iter().any(|disabled| disabled == given) {
        return Err(dialect.refusals().disabled_kms_key.into());
    }
    if dialect.rules().kms_arns { arn(given, &options.region).ok_or_else(absent) } else { Ok(given.to_owned()) }
}

/// The ARN of a key that is named by its id, its ARN, or an alias in either form; a key of another region is none.
fn arn(given: &str, region: &str) -> Option<String> {
    let (account, resource) = match given.strip_prefix("arn:aws:kms:") {
        None => (OWNER_OF_S3, given),
        Some(rest) => rest.strip_prefix(region)?.strip_prefix(':')?.split_once(':')?,
    };
    let id = match (resource.strip_prefix("alias/"), resource.strip_prefix("key/")) {
        (Some(alias), _) => behind(alias),
        (None, Some(id)) if given != resource => id.to_owned(),
        (None, None) if given == resource && !given.contains(['/', ':']) => given.to_owned(),
        _ => return None,
    };
    Some(format!("arn:aws:kms:{region}:{account}:key/{id}"))
}

/// The id of the key that an alias stands for: made up, but always the same.
fn behind(alias: &str) -> String {
    let hex = hex::encode(digest::digest(&digest::SHA256, alias.as_bytes()).as_ref());
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..32])
}

/// What data keys are wrapped under.
pub(super) fn wrapping_key(master: &Secret, key_id: &str) -> Secret {
    crypt::purpose_key(master, &format!("kms:{key_id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_of_a_key_leads_to_its_arn() {
        let arn = |given| arn(given, "eu-central-1");
        let key = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
        assert_eq!(arn("1234abcd-12ab-34cd-56ef-1234567890ab").as_deref(), Some(key));
        assert_eq!(arn(key).as_deref(), Some(key));
        let other = "arn:aws:kms:eu-central-1:444455556666:key/1";
        assert_eq!(arn(other).as_deref(), Some(other));
        let aliased = arn("alias/backup").unwrap();
        assert_eq!(arn("arn:aws:kms:eu-central-1:111122223333:alias/backup"), Some(aliased.clone()));
        assert_ne!(arn("alias/other").unwrap(), aliased);
        for none in ["arn:aws:kms:us-east-1:111122223333:key/1", "key/1", "a:b", "arn:aws:iam::1:key/1", "a/b"] {
            assert_eq!(arn(none), None, "{none}");
        }
    }
}
