//! What a request asks for: bucket and key from host and path, the operation from method and parameters.

use http::{HeaderMap, Method, header, request::Parts};

use super::{answer::Refusal, dialect::Spoken, number, options::EmulatorOptions, percent, signature::Signable};

/// A request's head, taken apart.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) dialect: Spoken,
    pub(super) operation: Operation,
    pub(super) method: Method,
    /// The whole path, decoded; what is signed.
    pub(super) path: String,
    /// Decoded, in wire order.
    pub(super) query: Vec<(String, String)>,
    pub(super) headers: HeaderMap,
    pub(super) bucket: String,
    pub(super) key: String,
    pub(super) part: Option<u16>,
    /// In lower case and without its port.
    pub(super) host: String,
    /// Whether it came over TLS.
    pub(super) tls: bool,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Initiate,
    UploadPart,
    UploadPartCopy,
    Complete,
    Abort,
    ListParts,
    ListUploads,
    Head,
    Get,
    Put,
    PutCopy,
    Delete,
    HeadBucket,
    BucketLocation,
    Unknown,
}

impl Operation {
    /// Every operation.
    pub(super) const ALL: [Self; 15] = [
        Self::Initiate,
        Self::UploadPart,
        Self::UploadPartCopy,
        Self::Complete,
        Self::Abort,
        Self::ListParts,
        Self::ListUploads,
        Self::Head,
        Self::Get,
        Self::Put,
        Self::PutCopy,
        Self::Delete,
        Self::HeadBucket,
        Self::BucketLocation,
        Self::Unknown,
    ];

    /// The name in transcripts and fault plans.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Initiate => "Initiate",
            Self::UploadPart => "UploadPart",
            Self::UploadPartCopy => "UploadPartCopy",
            Self::Complete => "Complete",
            Self::Abort => "Abort",
            Self::ListParts => "ListParts",
            Self::ListUploads => "ListUploads",
            Self::Head => "Head",
            Self::Get => "Get",
            Self::Put => "Put",
            Self::PutCopy => "PutCopy",
            Self::Delete => "Delete",
            Self::HeadBucket => "HeadBucket",
            Self::BucketLocation => "BucketLocation",
            Self::Unknown => "Unknown",
        }
    }
}

impl Call {
    /// Takes a request's head apart. A target that cannot be decoded is refused.
    pub(super) fn read(head: Parts, options: &EmulatorOptions, tls: bool) -> Result<Self, Refusal> {
        let unreadable = || Refusal::new(400, "InvalidURI", "the request target is not valid percent-encoded UTF-8");
        let path = percent::decode(head.uri.path()).ok_or_else(unreadable)?;
        let query = percent::decode_query(head.uri.query().unwrap_or_default()).ok_or_else(unreadable)?;
        // In a target with a host, as proxies get it, that host counts (RFC 9112, 3.2.2).
        let named = head.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = match (head.uri.authority(), named) {
            // What is signed is the header.
            (Some(target), Some(named)) if !target.as_str().eq_ignore_ascii_case(named) => {
                return Err(Refusal::new(400, "InvalidRequest", "the request target and Host name different hosts"));
            }
            (Some(target), _) => target.host(),
            (None, named) => named.unwrap_or_default(),
        }
        .to_owned();
        let (bucket, key) = locate(&host, &path, options);
        let mut call = Self {
            dialect: options.dialect,
            operation: Operation::Unknown,
            method: head.method,
            path,
            query,
            headers: head.headers,
            bucket,
            key,
            part: None,
            host: without_port(&host).to_ascii_lowercase(),
            tls,
        };
        call.part = call.param("partNumber").and_then(number::read).and_then(|number| u16::try_from(number).ok());
        call.operation = call.route();
        Ok(call)
    }

    /// Whether it came by one of the service's own host names, to which new buckets have rules of their own.
    pub(super) fn by_default_domain(&self) -> bool {
        self.dialect.rules().default_domains.iter().any(|domain| self.host.ends_with(domain))
    }

    /// The first value of a parameter.
    pub(super) fn param(&self, wanted: &str) -> Option<&str> {
        self.query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str())
    }

    /// A parameter that is there and not empty.
    pub(super) fn filled(&self, wanted: &str) -> Option<&str> {
        self.param(wanted).filter(|value| !value.is_empty())
    }

    /// A header's value as text; one that is not text counts as a refusal.
    pub(super) fn header(&self, name: &str) -> Result<Option<&str>, Refusal> {
        match self.headers.get(name) {
            None => Ok(None),
            Some(value) => std::str::from_utf8(value.as_bytes())
                .map(|text| Some(text.trim()))
                .map_err(|_| Refusal::argument(format!("the header {name} is not UTF-8"))),
        }
    }

    /// What a signature can cover.
    pub(super) fn signable(&self) -> Signable<'_> {
        Signable { method: self.method.as_str(), path: &self.path, query: &self.query, headers: &self.headers }
    }

    fn route(&self) -> Operation {
        let (upload, number) = (self.param("uploadId").is_some(), self.param("partNumber").is_some());
        let copy = self.headers.contains_key(self.dialect.names().copy_source);
        let others = self.dialect.rules().other_calls;
        if self.query.iter().any(|(name, _)| others.contains(&name.as_str())) {
            return Operation::Unknown;
        }
        match (&self.method, self.key.is_empty()) {
            (&Method::POST, false) if self.param("uploads").is_some() => Operation::Initiate,
            (&Method::POST, false) if upload => Operation::Complete,
            (&Method::PUT, false) if upload && number && copy => Operation::UploadPartCopy,
            (&Method::PUT, false) if upload && number => Operation::UploadPart,
            (&Method::PUT, false) if upload || number => Operation::Unknown,
            (&Method::PUT, false) if copy => Operation::PutCopy,
            (&Method::PUT, false) => Operation::Put,
            (&Method::DELETE, false) if upload => Operation::Abort,
            (&Method::DELETE, false) => Operation::Delete,
            (&Method::GET, false) if upload => Operation::ListParts,
            (&Method::GET, false) => Operation::Get,
            (&Method::HEAD, false) => Operation::Head,
            (&Method::GET, true) if self.param("uploads").is_some() => Operation::ListUploads,
            (&Method::GET, true)
                if self.param("location").is_some() && self.dialect.rules().bucket_region.is_some() =>
            {
                Operation::BucketLocation
            }
            (&Method::HEAD, true) => Operation::HeadBucket,
            _ => Operation::Unknown,
        }
    }
}

/// Bucket and key: virtual-hosted, a bucket's own domain, or path style for everything else.
pub(super) fn locate(host: &str, path: &str, options: &EmulatorOptions) -> (String, String) {
    let host = without_port(host).to_ascii_lowercase();
    let key = path.strip_prefix('/').unwrap_or(path).to_owned();
    if let Some((_, bucket)) = options.domains.iter().find(|(domain, _)| *domain == host) {
        return (bucket.clone(), key);
    }
    if let Some(bucket) = options.dialect.bucket_of(&host, &options.region) {
        return (bucket, key);
    }
    match key.split_once('/') {
        Some((bucket, key)) => (bucket.to_owned(), key.to_owned()),
        None => (key, String::new()),
    }
}

pub(super) fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) && !name.ends_with(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(host: &str, path: &str, bucket: &str, key: &str) {
        let options = EmulatorOptions::new("unused").domain("files.example.com", "b-1");
        assert_eq!(locate(host, path, &options), (bucket.to_owned(), key.to_owned()));
    }

    #[test]
    fn with_s3_the_hosts_are_those_of_its_region() {
        let options = EmulatorOptions::s3("unused");
        let check = |host: &str, path: &str, bucket: &str, key: &str| {
            assert_eq!(locate(host, path, &options), (bucket.to_owned(), key.to_owned()), "{host}");
        };
        check("b-1.s3.eu-central-1.amazonaws.com", "/k/l", "b-1", "k/l");
        check("my.own.bucket.s3.eu-central-1.amazonaws.com:443", "//k", "my.own.bucket", "/k");
        check("b-1.s3.amazonaws.com", "/k", "b-1", "k");
        check("b-1.s3.dualstack.eu-central-1.amazonaws.com", "/k", "b-1", "k");
        check("b.c.localhost:1", "/k", "b.c", "k");
        check("s3.eu-central-1.amazonaws.com", "/b-1/k", "b-1", "k");
        check("localhost", "/b-1/k", "b-1", "k");
        check("127.0.0.1:9", "/b-1", "b-1", "");
    }

    #[test]
    fn a_target_with_another_host_than_the_signed_header_is_refused() {
        let read = |target: &str| {
            let request = http::Request::put(target).header("host", "a-1.localhost:80").body(()).unwrap();
            Call::read(request.into_parts().0, &EmulatorOptions::new("unused"), false)
        };
        assert_eq!(read("/k").unwrap().bucket, "a-1");
        assert_eq!(read("http://A-1.localhost:80/k").unwrap().bucket, "a-1");
        assert_eq!(read("http://b-1.localhost:80/k").unwrap_err().code, "InvalidRequest");
    }

    #[test]
    fn bucket_and_key_come_from_host_and_path() {
        check("b-1.cos.ap-beijing.myqcloud.com", "/k/l", "b-1", "k/l");
        check("b-1.cos.ap-beijing.tencentcos.cn:443", "/", "b-1", "");
        check("B-1.cos.ap-beijing.myqcloud.com", "//k", "b-1", "/k");
        check("b-1.localhost:8080", "/k", "b-1", "k");
        check("service.cos.myqcloud.com", "/", "", "");
        check("127.0.0.1:8080", "/b-1/k/l", "b-1", "k/l");
        check("[::1]:8080", "/b-1/", "b-1", "");
        check("[::1]", "/b-1//k", "b-1", "/k");
        check("localhost", "/b-1", "b-1", "");
        check("cos.ap-beijing.myqcloud.com", "/b-1/k", "b-1", "k");
        check("files.example.com:1", "/k", "b-1", "k");
    }
}
