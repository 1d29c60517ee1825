//! How the names of headers are spelled on the wire.
//!
//! HTTP does not care, but cos-python-sdk-v5 hands an answer's headers on in a plain dictionary, and its documented calls
//! and its own `download_file` look for `ETag` and `Content-Length`.

use std::io;

use bytes::Bytes;
use http::{Extensions, Request, Response};
use http_body_util::Empty;
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Every name that is not in lower case, as the samples of the manuals have it. The status keeps the head from telling of
/// a body.
const SPELLED: &[u8] = b"HTTP/1.1 204 No Content\r\n\
    Accept-Ranges: 1\r\n\
    Cache-Control: 1\r\n\
    Connection: keep-alive\r\n\
    Content-Disposition: 1\r\n\
    Content-Encoding: 1\r\n\
    Content-Language: 1\r\n\
    Content-Length: 1\r\n\
    Content-Range: 1\r\n\
    Content-Type: 1\r\n\
    Date: 1\r\n\
    ETag: 1\r\n\
    Expires: 1\r\n\
    Last-Modified: 1\r\n\
    Retry-After: 1\r\n\
    Server: 1\r\n\
    Transfer-Encoding: chunked\r\n\
    x-amz-server-side-encryption-customer-key-MD5: 1\r\n\
    x-cos-server-side-encryption-customer-key-MD5: 1\r\n\
    \r\n";

/// What makes a response spell its headers so.
///
/// hyper keeps spellings in an extension that only its own parser makes: it is given a head to parse.
pub(super) async fn learn() -> io::Result<Extensions> {
    let (ours, mut theirs) = tokio::io::duplex(SPELLED.len());
    let mut builder = http1::Builder::new();
    let handshake = builder.preserve_header_case(true).handshake::<_, Empty<Bytes>>(TokioIo::new(ours));
    let (mut sender, connection) = handshake.await.map_err(io::Error::other)?;
    let asked = async {
        let response: Response<Incoming> = sender.send_request(Request::new(Empty::new())).await?;
        // The connection ends with its sender.
        drop(sender);
        Ok(response.into_parts().0.extensions)
    };
    let told = async {
        theirs.read_u8().await?;
        theirs.write_all(SPELLED).await
    };
    let (extensions, told, _) = tokio::join!(asked, told, connection);
    told?;
    extensions.map_err(|cause: hyper::Error| io::Error::other(cause))
}
