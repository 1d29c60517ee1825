//! The shape of a dialect's table.

/// The names that a dialect gives to headers and values. Header names are in lower case.
#[derive(Debug)]
pub(crate) struct Names {
    /// The prefix of all the store's own headers.
    pub(crate) prefix: &'static str,
    /// The encryption mode, or the algorithm of a mode whose keys the store keeps.
    pub(crate) sse: &'static str,
    /// The KMS key of an object.
    pub(crate) sse_kms_key_id: &'static str,
    /// The KMS context, base64 of a JSON object.
    pub(crate) sse_context: &'static str,
    /// The algorithm of a customer key.
    pub(crate) customer_algorithm: &'static str,
    /// A customer key, base64.
    pub(crate) customer_key: &'static str,
    /// The MD5 of a customer key's 32 bytes, base64.
    pub(crate) customer_key_md5: &'static str,
    /// The same three for the source of a copy.
    pub(crate) source_customer_algorithm: &'static str,
    /// See [`Self::source_customer_algorithm`].
    pub(crate) source_customer_key: &'static str,
    /// See [`Self::source_customer_algorithm`].
    pub(crate) source_customer_key_md5: &'static str,
    /// The value of `sse` for keys managed by the store.
    pub(crate) managed: &'static str,
    /// The value of `sse` for keys in a KMS.
    pub(crate) kms: &'static str,
    /// The checksum of a whole object or part by CRC-64/XZ, if the store speaks it.
    pub(crate) crc64_xz: Option<&'static str>,
    /// The same by CRC-64/NVME.
    pub(crate) crc64_nvme: Option<&'static str>,
    /// The same by CRC-32C.
    pub(crate) crc32c: Option<&'static str>,
    /// How an upload tells the store to keep a checksum, if it has to be told.
    pub(crate) checksum_wish: Option<ChecksumWish>,
    /// The store's identifier of a request.
    pub(crate) request_id: &'static str,
    /// Whether every answer of the store has one, so that an answer without did not come from it.
    pub(crate) always_names_requests: bool,
    /// The version that an answer speaks of.
    pub(crate) version_id: &'static str,
    /// The prefix of user metadata.
    pub(crate) meta: &'static str,
    /// Storage class.
    pub(crate) storage_class: &'static str,
    /// Canned access list.
    pub(crate) acl: &'static str,
    /// Tags, as a URL query.
    pub(crate) tagging: &'static str,
    /// Never replace an object.
    pub(crate) forbid_overwrite: ForbidOverwrite,
    /// Whether the manual of the store has a DELETE that is bound to the object's tag.
    pub(crate) deletes_if_match: bool,
    /// Bandwidth limit of one request, if the store has one.
    pub(crate) traffic_limit: Option<&'static str>,
    /// The token of temporary credentials.
    pub(crate) security_token: &'static str,
    /// The variable of the environment that the token is usually in.
    pub(crate) token_variable: &'static str,
    /// The header of a redirect that names the bucket's region.
    pub(crate) bucket_region: Option<&'static str>,
    /// How far the name of a bucket is its own.
    pub(crate) buckets: BucketNames,
    /// What a user looks at when there is no such bucket.
    pub(crate) check_bucket: &'static str,
    /// What the first half of credentials is called.
    pub(crate) key_id: &'static str,
    /// The permission without which the store denies that there is no object, besides that to look, if there is one.
    pub(crate) permission_to_miss: Option<&'static str>,
    /// What to do where a bucket refuses every customer key with a mere denial, if there are such buckets.
    pub(crate) blocked_keys: Option<&'static str>,
    /// The beginnings of header names that a user may not add to an upload, each with the reason.
    pub(crate) reserved: &'static [(&'static str, &'static str)],
}

impl Names {
    /// The headers of encryption, whose names are no secret wherever they are repeated.
    pub(crate) fn of_encryption(&self) -> [&'static str; 9] {
        [
            self.sse,
            self.sse_kms_key_id,
            self.sse_context,
            self.customer_algorithm,
            self.customer_key,
            self.customer_key_md5,
            self.source_customer_algorithm,
            self.source_customer_key,
            self.source_customer_key_md5,
        ]
    }
}

/// How the checksum of a whole object is asked for. Header names and the value of the type.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ChecksumWish {
    /// At Initiate: the algorithm.
    pub(crate) algorithm: &'static str,
    /// At Initiate and Complete: that the checksum is of the whole object, and not of its parts' checksums.
    pub(crate) of_whole: (&'static str, &'static str),
    /// At HEAD and GET: that it is to be shown.
    pub(crate) show: (&'static str, &'static str),
    /// The store's words for CRC-64/NVME and CRC-32C.
    pub(crate) words: (&'static str, &'static str),
}

/// How far the name of a bucket is its own.
#[derive(Clone, Copy, Debug)]
pub(crate) enum BucketNames {
    /// No two buckets have the same, whatever host leads there.
    Global,
    /// Every store has names of its own; but hosts that end so share those of a group. The first that fits counts.
    PerStore {
        /// Ends of hosts, each with its group.
        shared: &'static [(&'static str, &'static str)],
    },
}

/// How a call says that it must not replace an object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ForbidOverwrite {
    /// Name and value.
    pub(crate) header: (&'static str, &'static str),
    /// Whether Initiate takes it as well as PUT and Complete.
    pub(crate) at_initiate: bool,
    /// Whether it counts in a bucket that keeps versions.
    pub(crate) despite_versions: bool,
}

/// What a store allows. Sizes in bytes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The smallest part, except for the last one.
    pub min_part: u64,
    /// The largest part.
    pub max_part: u64,
    /// How many parts an upload may have.
    pub max_parts: u16,
    /// The largest object of one PUT.
    pub max_put: u64,
    /// The largest object.
    pub max_object: u64,
    /// The least and the most bandwidth that a request may ask for, in bits per second; `None` if there is no such wish.
    pub traffic_limit: Option<(u64, u64)>,
    /// How many tags an object may have.
    pub max_tags: usize,
    /// The longest key of a tag, in characters.
    pub max_tag_key: usize,
    /// The longest value of a tag, in characters.
    pub max_tag_value: usize,
    /// The longest user metadata: name without its prefix, and value.
    pub max_meta: usize,
    /// The longest user metadata of all names together.
    pub max_meta_total: usize,
}
