//! The host names of COS (/document/product/436/6224, /document/product/436/33409).

/// A host name of the service, taken apart; in lower case and without its port.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::emulator) struct CosHost<'a> {
    /// `None` in path style.
    pub(in crate::emulator) bucket: Option<&'a str>,
    /// Whether the bucket is shown as a website there.
    pub(in crate::emulator) website: bool,
    /// `None` where the nearest place answers: global acceleration.
    pub(in crate::emulator) region: Option<&'a str>,
}

/// The ends of all of them.
pub(super) const DOMAINS: [&str; 2] = [".myqcloud.com", ".tencentcos.cn"];

impl<'a> CosHost<'a> {
    pub(in crate::emulator) fn read(host: &'a str) -> Option<Self> {
        let service = DOMAINS.iter().find_map(|domain| host.strip_suffix(domain))?;
        let (rest, place) = service.rsplit_once('.')?;
        let (bucket, kind) = rest.rsplit_once('.').map_or((None, rest), |(bucket, kind)| (Some(bucket), kind));
        let website = kind == "cos-website";
        if !(website || matches!(kind, "cos" | "cos-internal")) || bucket.is_some_and(|name| name.contains('.')) {
            return None;
        }
        Some(Self { bucket, website, region: Some(place).filter(|place| *place != "accelerate") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_a_host_name_is_known_and_no_other() {
        let host = |bucket, website, region| Some(CosHost { bucket, website, region });
        for (name, expected) in [
            ("b-1.cos.ap-x.myqcloud.com", host(Some("b-1"), false, Some("ap-x"))),
            ("b-1.cos.ap-x.tencentcos.cn", host(Some("b-1"), false, Some("ap-x"))),
            ("b-1.cos-internal.ap-x.tencentcos.cn", host(Some("b-1"), false, Some("ap-x"))),
            ("b-1.cos.accelerate.myqcloud.com", host(Some("b-1"), false, None)),
            ("b-1.cos-internal.accelerate.tencentcos.cn", host(Some("b-1"), false, None)),
            ("b-1.cos-website.ap-x.myqcloud.com", host(Some("b-1"), true, Some("ap-x"))),
            ("cos.ap-x.myqcloud.com", host(None, false, Some("ap-x"))),
            ("service.cos.myqcloud.com", None),
            ("a.b-1.cos.ap-x.myqcloud.com", None),
            ("b-1.cosx.ap-x.myqcloud.com", None),
            ("b-1.cos.ap-x.myqcloud.com.example", None),
            ("myqcloud.com", None),
            ("localhost", None),
            ("", None),
        ] {
            assert_eq!(CosHost::read(name), expected, "{name}");
        }
    }
}
