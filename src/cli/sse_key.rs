//! Where a customer key comes from. It is never an argument: arguments are seen by every process of the machine.

mod command;
mod descriptor;
mod source;

use super::{
    args::{Mode, SseArgs},
    console::Console,
};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    sse::{CustomerKey, KmsContext, SseContext},
};

pub(super) use self::source::KeySource;

/// The encryption that the options ask for.
///
/// # Errors
/// `Config` if the options contradict each other, or the key cannot be had.
pub(super) fn context(dialect: Dialect, args: &SseArgs, console: &Console) -> Result<SseContext> {
    let mode = mode(args)?;
    if mode != Mode::Kms && (args.sse_kms_key_id.is_some() || args.sse_kms_context.is_some()) {
        return Err(Error::new(ErrorKind::Config, "a KMS key or context is given, but the mode is not kms")
            .with_hint("add --sse kms, or leave --sse-kms-key-id and --sse-kms-context out"));
    }
    match (mode, &args.sse_key) {
        (Mode::None, _) => Ok(SseContext::none(dialect)),
        (Mode::Managed, _) => Ok(SseContext::managed(dialect)),
        (Mode::Kms, _) => {
            let context = args.sse_kms_context.as_deref().map(KmsContext::parse).transpose()?;
            SseContext::kms(dialect, args.sse_kms_key_id.clone(), context)
        }
        (Mode::Customer, Some(source)) => Ok(SseContext::customer(dialect, KeySource::parse(source)?.key(console)?)),
        (Mode::Customer, None) => Err(Error::new(ErrorKind::Config, "the mode is customer, but no key is given")
            .with_hint(
                "name its source: --sse-key file:PATH, env:NAME, fd:N or command:CMD; `sealift key new` makes one",
            )),
    }
}

/// Standard input cannot give both the object and its key: whichever is read first leaves nothing for the other.
///
/// # Errors
/// `Config` if the key is to come from there, under any name.
pub(super) fn leaves_standard_input(args: &SseArgs) -> Result<()> {
    match &args.sse_key {
        Some(source) if KeySource::parse(source)?.is_standard_input() => {
            Err(Error::new(ErrorKind::Config, "standard input is the object already, and cannot be its key too")
                .with_hint("name another source of the key, such as --sse-key file:PATH or fd:3"))
        }
        _ => Ok(()),
    }
}

/// The mode that the options mean together.
fn mode(args: &SseArgs) -> Result<Mode> {
    match (args.sse, &args.sse_key) {
        (None, None) => Ok(Mode::None),
        (None | Some(Mode::Customer), Some(_)) => Ok(Mode::Customer),
        (Some(mode), None) => Ok(mode),
        (Some(_), Some(_)) => {
            Err(Error::new(ErrorKind::Config, "--sse-key is for a key of your own, but another mode is asked for")
                .with_hint("leave --sse out, or say --sse customer"))
        }
    }
}

impl KeySource {
    /// The key at the source.
    ///
    /// # Errors
    /// `Config` if the source cannot be read or holds no key.
    pub(super) fn key(&self, console: &Console) -> Result<CustomerKey> {
        let text = self.read(console)?;
        CustomerKey::parse(text)
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    fn args(sse: Option<Mode>, key: bool) -> SseArgs {
        SseArgs { sse, sse_key: key.then(|| OsString::from("file:/nonexistent")), ..SseArgs::default() }
    }

    #[test]
    fn a_key_implies_the_customer_mode_and_contradicts_the_others() {
        assert_eq!(mode(&args(None, false)).unwrap(), Mode::None);
        assert_eq!(mode(&args(None, true)).unwrap(), Mode::Customer);
        assert_eq!(mode(&args(Some(Mode::Customer), true)).unwrap(), Mode::Customer);
        assert_eq!(mode(&args(Some(Mode::Kms), false)).unwrap(), Mode::Kms);
        for other in [Mode::None, Mode::Managed, Mode::Kms] {
            let error = mode(&args(Some(other), true)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert!(error.hint().is_some());
        }
    }

    #[test]
    fn the_customer_mode_needs_a_key_and_kms_options_need_kms() {
        let console = Console::new(false, true);
        let error = context(Dialect::Cos, &args(Some(Mode::Customer), false), &console).unwrap_err();
        assert!(error.hint().unwrap().contains("--sse-key"), "{error}");
        for sse in [None, Some(Mode::None), Some(Mode::Managed), Some(Mode::Customer)] {
            let id = SseArgs { sse_kms_key_id: Some("id".to_owned()), ..args(sse, false) };
            assert!(context(Dialect::Cos, &id, &console).unwrap_err().to_string().contains("not kms"));
            let context_only = SseArgs { sse_kms_context: Some("{}".to_owned()), ..args(sse, false) };
            assert_eq!(context(Dialect::Cos, &context_only, &console).unwrap_err().kind(), ErrorKind::Config);
        }
    }
}
