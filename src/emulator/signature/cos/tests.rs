//! Every request that an official SDK put on the wire passes as it stands, and no altered one does.

use http::{HeaderMap, HeaderName, HeaderValue};
use serde::Deserialize;

use super::*;

#[derive(Deserialize)]
struct File {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    id: String,
    input: Input,
    requests: Vec<Recorded>,
}

#[derive(Deserialize)]
struct Input {
    clock: u64,
    credential: Credential,
}

#[derive(Deserialize)]
struct Credential {
    secret_id: String,
    secret_key: String,
    token: Option<String>,
}

#[derive(Deserialize)]
struct Recorded {
    method: String,
    path_raw: String,
    query_raw: String,
    headers: Vec<(String, String)>,
    auth: Auth,
}

#[derive(Deserialize)]
struct Auth {
    sign_time: String,
    key_time: String,
    header_list: String,
    url_param_list: String,
    signature: String,
}

/// A request that can be changed.
#[derive(Clone)]
struct Wire {
    method: String,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
}

impl Wire {
    fn of(recorded: &Recorded) -> Self {
        let headers = recorded.headers.iter().map(|(name, value)| {
            (HeaderName::try_from(name.as_str()).unwrap(), HeaderValue::try_from(value.as_str()).unwrap())
        });
        Self {
            method: recorded.method.clone(),
            path: percent::decode(&recorded.path_raw).unwrap(),
            query: percent::decode_query(&recorded.query_raw).unwrap(),
            headers: headers.collect(),
        }
    }

    fn check(&self, account: &Account, now: u64) -> Result<(), Refusal> {
        let signable = Signable { method: &self.method, path: &self.path, query: &self.query, headers: &self.headers };
        check(signable, std::slice::from_ref(account), now)
    }

    fn reauthorized(&self, from: &str, to: &str) -> Self {
        let mut changed = self.clone();
        let text = changed.headers["authorization"].to_str().unwrap();
        assert!(text.contains(from), "{text} lacks {from}");
        let text = text.replacen(from, to, 1);
        changed.headers.insert("authorization", HeaderValue::try_from(text).unwrap());
        changed
    }
}

/// Each file, and how many requests it holds.
const FILES: [(&str, usize); 16] = [
    (include_str!("../../../../tests/vectors/go-flows.json"), 109),
    (include_str!("../../../../tests/vectors/go-headers.json"), 37),
    (include_str!("../../../../tests/vectors/go-keys.json"), 40),
    (include_str!("../../../../tests/vectors/go-operations.json"), 98),
    (include_str!("../../../../tests/vectors/js-flows.json"), 58),
    (include_str!("../../../../tests/vectors/js-headers.json"), 22),
    (include_str!("../../../../tests/vectors/js-keys.json"), 21),
    (include_str!("../../../../tests/vectors/js-operations.json"), 60),
    (include_str!("../../../../tests/vectors/node-flows.json"), 89),
    (include_str!("../../../../tests/vectors/node-headers.json"), 24),
    (include_str!("../../../../tests/vectors/node-keys.json"), 105),
    (include_str!("../../../../tests/vectors/node-operations.json"), 56),
    (include_str!("../../../../tests/vectors/python-flows.json"), 78),
    (include_str!("../../../../tests/vectors/python-headers.json"), 22),
    (include_str!("../../../../tests/vectors/python-keys.json"), 105),
    (include_str!("../../../../tests/vectors/python-operations.json"), 60),
];

fn each_recorded(mut visit: impl FnMut(&str, &Account, u64, &Recorded)) {
    for (text, expected) in FILES {
        let file: File = serde_json::from_str(text).unwrap();
        let mut count = 0;
        for case in &file.cases {
            let credential = &case.input.credential;
            let account = Account {
                id: credential.secret_id.clone(),
                key: Secret::new(credential.secret_key.as_str()),
                token: credential.token.as_deref().map(Secret::new),
                expires: None,
            };
            for recorded in &case.requests {
                count += 1;
                visit(&case.id, &account, case.input.clock, recorded);
            }
        }
        assert_eq!(count, expected);
    }
}

#[test]
fn every_recorded_request_passes() {
    let mut passed = 0;
    each_recorded(|id, account, clock, recorded| {
        Wire::of(recorded).check(account, clock).unwrap_or_else(|refusal| panic!("{id}: {refusal:?}"));
        passed += 1;
    });
    assert_eq!(passed, 984);
}

/// Every alteration, one at a time.
#[test]
fn no_request_passes_with_a_signed_part_altered() {
    let (mut requests, mut headers, mut params) = (0, 0, 0);
    each_recorded(|id, account, clock, recorded| {
        requests += 1;
        let wire = Wire::of(recorded);
        let refuse = |what: &str, altered: &Wire| {
            let refusal = altered.check(account, clock).expect_err(&format!("{id} passes with another {what}"));
            assert_eq!(refusal.status, 403, "{id}, {what}: {refusal:?}");
        };
        for method in ["GET", "PUT", "POST", "DELETE", "HEAD"] {
            if method != recorded.method {
                refuse("method", &Wire { method: method.to_owned(), ..wire.clone() });
            }
        }
        refuse("path", &Wire { path: format!("{}x", wire.path), ..wire.clone() });
        refuse("path", &Wire { path: format!("/{}", wire.path), ..wire.clone() });
        for name in recorded.auth.header_list.split(';').filter(|name| !name.is_empty()) {
            headers += 1;
            let mut altered = wire.clone();
            let value = [altered.headers[name].as_bytes(), b"1"].concat();
            altered.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::from_bytes(&value).unwrap());
            refuse(name, &altered);
            altered.headers.remove(name);
            refuse(name, &altered);
        }
        for name in recorded.auth.url_param_list.split(';').filter(|name| !name.is_empty()) {
            params += 1;
            let at = wire.query.iter().position(|(given, _)| signed_name(given.as_bytes()) == name).unwrap();
            let mut altered = wire.clone();
            altered.query[at].1.push('1');
            refuse(name, &altered);
            altered.query.remove(at);
            refuse(name, &altered);
        }
        let auth = &recorded.auth;
        let last = if auth.signature.ends_with('0') { "1" } else { "0" };
        let forged = format!("{}{last}", &auth.signature[..39]);
        refuse("signature", &wire.reauthorized(&auth.signature, &forged));
        for (name, time) in [("q-sign-time", &auth.sign_time), ("q-key-time", &auth.key_time)] {
            let (start, end) = time.split_once(';').unwrap();
            let longer = format!("{start};{}", end.parse::<u64>().unwrap() + 1);
            refuse(name, &wire.reauthorized(&format!("{name}={time}"), &format!("{name}={longer}")));
        }
        // A list that leaves something out is another signature.
        let signed = &auth.header_list;
        let shorter = signed.split_once(';').map_or("", |(_, rest)| rest);
        refuse(
            "header list",
            &wire.reauthorized(&format!("q-header-list={signed}"), &format!("q-header-list={shorter}")),
        );
    });
    assert_eq!((requests, headers, params), (984, 3409, 1336));
}

/// Told apart from a signature that does not fit: it is not even compared.
#[test]
fn times_are_plain_numbers() {
    let mut tried = 0;
    each_recorded(|id, account, clock, recorded| {
        if tried > 0 || !recorded.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("authorization")) {
            return;
        }
        let wire = Wire::of(recorded);
        for name in ["q-sign-time", "q-key-time"] {
            for (from, to) in [("=", "=+"), ("=", "= "), ("=", "=-"), ("=", "=1.0"), ("=", "=;")] {
                let altered = wire.reauthorized(&format!("{name}{from}"), &format!("{name}{to}"));
                let refusal = altered.check(account, clock).unwrap_err();
                assert_eq!(refusal.message, "the authorization is malformed", "{id}: {name}{to}");
                tried += 1;
            }
        }
    });
    assert_eq!(tried, 10);
}
