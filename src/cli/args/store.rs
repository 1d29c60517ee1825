//! Which store, and how to reach it.

use std::ffi::OsString;

use clap::{Args, ValueEnum, ValueHint};

use crate::{transport::ConnectTo, wire::Addressing};

/// Options that say where the store is.
///
/// An environment variable that is set but empty counts as absent.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Store")]
pub(in crate::cli) struct StoreArgs {
    /// The service's address, such as https://cos.ap-guangzhou.myqcloud.com [default: from the region; for s3:// first
    /// from AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, or the profile].
    #[arg(long, value_name = "URL", env = "SEALIFT_ENDPOINT", hide_env_values = true, value_hint = ValueHint::Url)]
    pub(in crate::cli) endpoint: Option<String>,
    /// The bucket's region, such as ap-guangzhou [default: from COS_REGION, TENCENTCLOUD_REGION, or the
    /// files of coscmd and tccli; for s3:// from AWS_REGION, AWS_DEFAULT_REGION, or the profile].
    #[arg(long, value_name = "R", env = "SEALIFT_REGION", hide_env_values = true)]
    pub(in crate::cli) region: Option<String>,
    /// Certificate authorities to trust instead of the system's, as a PEM file [default: for s3:// from AWS_CA_BUNDLE].
    #[arg(long, value_name = "PEM", env = "SEALIFT_CA_CERT", hide_env_values = true, value_hint = ValueHint::FilePath,
        value_parser = clap::builder::OsStringValueParser::new())]
    pub(in crate::cli) ca_cert: Option<OsString>,
    /// How the bucket is named in requests.
    #[arg(long, value_name = "STYLE", value_enum, default_value_t = Style::Auto)]
    pub(in crate::cli) addressing: Style,
    /// Dial this address for every request; URL, TLS name and signature stay the endpoint's.
    #[arg(long, value_name = "ADDR[:PORT]", value_parser = connect_to)]
    pub(in crate::cli) connect_to: Option<ConnectTo>,
    /// Let a customer key go over plain HTTP, if the address that is dialled is this very machine.
    #[arg(long)]
    pub(in crate::cli) allow_insecure_loopback: bool,
}

/// How the bucket is named in a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Style {
    /// In the path for IP addresses and localhost, else in the host.
    #[default]
    Auto,
    /// In the host: bucket.endpoint/key.
    Virtual,
    /// In the path: endpoint/bucket/key.
    Path,
    /// The endpoint is the bucket's own domain (CNAME).
    BucketHost,
}

impl From<Style> for Addressing {
    fn from(style: Style) -> Self {
        match style {
            Style::Auto => Self::Auto,
            Style::Virtual => Self::Virtual,
            Style::Path => Self::Path,
            Style::BucketHost => Self::BucketHost,
        }
    }
}

/// The parser's own words, since clap shows one line only.
fn connect_to(text: &str) -> Result<ConnectTo, String> {
    text.parse::<ConnectTo>().map_err(|error| error.to_string())
}
