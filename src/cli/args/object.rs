//! What the object is to be like.

use clap::{Args, ValueEnum};

/// Options that become properties of the object.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Object")]
pub(in crate::cli) struct ObjectArgs {
    /// Never replace an object. Where the store cannot promise that, refuse, or with `best-effort` try.
    #[arg(long, value_name = "best-effort", value_enum, num_args = 0..=1, require_equals = true,
        default_missing_value = "strict", hide_possible_values = true)]
    pub(in crate::cli) no_clobber: Option<NoClobber>,
    /// The media type [default: from the file's extension, else application/octet-stream].
    #[arg(long, value_name = "TYPE")]
    pub(in crate::cli) content_type: Option<String>,
    /// The storage class, such as STANDARD_IA [default: the bucket's].
    #[arg(long, value_name = "CLASS")]
    pub(in crate::cli) storage_class: Option<String>,
    /// The canned access list: default, private or public-read [default: the bucket's].
    #[arg(long, value_name = "ACL")]
    pub(in crate::cli) acl: Option<String>,
    /// Metadata to keep with the object; may be given several times.
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub(in crate::cli) meta: Vec<(String, String)>,
    /// A tag of the object; may be given several times.
    #[arg(long, value_name = "K=V", value_parser = pair)]
    pub(in crate::cli) tag: Vec<(String, String)>,
    /// Another header of the object, such as 'Cache-Control: no-store'; may be given several times.
    #[arg(long, value_name = "NAME:VALUE", value_parser = header)]
    pub(in crate::cli) header: Vec<(String, String)>,
}

/// How hard never to replace an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum NoClobber {
    /// Refuse where the store cannot enforce it.
    Strict,
    /// As well as the store can.
    BestEffort,
}

fn pair(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("write K=V")?;
    if name.is_empty() {
        return Err("the name before `=` is empty");
    }
    Ok((name.to_owned(), value.to_owned()))
}

fn header(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once(':').ok_or("write NAME:VALUE")?;
    let name = name.trim();
    if name.is_empty() {
        return Err("the name before `:` is empty");
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}
