//! What plain HTTP may be the reason of.

use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind},
    operation::Operation,
    sse::SseContext,
};

/// What servers say that were spoken to without TLS where they want it: those in Go, nginx, and Apache.
const WANTS_TLS: [&str; 3] = [
    "http request to an https server",
    "plain http request was sent to https port",
    "speaking plain http to an ssl-enabled server port",
];

/// Names HTTPS as the remedy of a refusal over plain HTTP, where it is one.
pub(crate) fn over_plain_http(dialect: Dialect, sse: &SseContext, refused: Error) -> Error {
    let said = refused.message().to_ascii_lowercase();
    if WANTS_TLS.iter().any(|words| said.contains(words)) {
        return refused.with_hint("the server speaks HTTPS there: write https:// in place of http://");
    }
    // The first call with the key: who takes that one does not mind HTTP.
    let begins = matches!(refused.operation(), Some(Operation::Initiate | Operation::Put));
    let vague = refused.kind() == ErrorKind::Rejected
        && matches!(refused.code(), Some("InvalidRequest" | "InvalidArgument") | None)
        && refused.status() == Some(400);
    if sse.is_customer() && begins && vague {
        let over = format!("stores want HTTPS where a customer key is sent ({})", dialect.names().customer_key);
        return refused.with_hint(format!("{over}: use an https:// endpoint"));
    }
    refused
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dialect::S3, sse::CustomerKey};

    fn refused(operation: Operation, code: &str, message: &'static str) -> Error {
        let code = Some(code.to_owned()).filter(|code| !code.is_empty());
        Error::new(ErrorKind::Rejected, message).at(operation).answered(400, code, None).with_hint("first")
    }

    #[test]
    fn a_server_that_wants_tls_is_to_be_called_with_https() {
        for words in [
            "ListUploads failed with 400 (bad request): Client sent an HTTP request to an HTTPS server",
            "ListUploads failed with 400 (bad request): 400 The plain HTTP request was sent to HTTPS port",
        ] {
            let error = over_plain_http(S3, &SseContext::none(S3), refused(Operation::ListUploads, "", words));
            assert!(error.hint().is_some_and(|hint| hint.contains("https:// in place of http://")), "{error:?}");
        }
    }

    #[test]
    fn a_customer_key_that_is_refused_without_a_reason_wants_https() {
        let customer = SseContext::customer(S3, CustomerKey::from_bytes([7; 32]));
        let hint = |sse: &SseContext, operation, code: &str| {
            over_plain_http(S3, sse, refused(operation, code, "refused")).hint().map(ToOwned::to_owned)
        };
        let wanted = hint(&customer, Operation::Initiate, "InvalidRequest");
        assert!(wanted.is_some_and(|hint| hint.contains("https://")));
        assert_eq!(hint(&SseContext::none(S3), Operation::Initiate, "InvalidRequest").as_deref(), Some("first"));
        assert_eq!(hint(&customer, Operation::UploadPart, "InvalidArgument").as_deref(), Some("first"));
        assert_eq!(hint(&customer, Operation::Head, "InvalidRequest").as_deref(), Some("first"));
        assert_eq!(hint(&customer, Operation::Put, "EntityTooSmall").as_deref(), Some("first"));
    }
}
