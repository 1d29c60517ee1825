//! Faults by chance.

use ring::digest;

use super::FaultPlan;

/// Whether chance lets a rule strike a request. It decides from its arguments alone, so the order in which requests come
/// does not matter.
pub(super) fn strikes(
    (seed, rule): (u64, usize),
    (operation, key, part, attempt): (&str, &str, Option<u16>, u32),
    share: f64,
) -> bool {
    let text = format!("{seed} {rule} {operation} {part:?} {attempt} {key}");
    let digest = digest::digest(&digest::SHA256, text.as_bytes());
    let drawn = digest.as_ref().iter().take(6).fold(0_u64, |sum, byte| sum << 8 | u64::from(*byte));
    #[expect(clippy::cast_precision_loss, reason = "48 bits are exact")]
    let drawn = drawn as f64 / (1_u64 << 48) as f64;
    drawn < share
}

/// See [`FaultPlan::random`].
pub(super) fn plan(seed: u64, share: f64) -> FaultPlan {
    // Nine rules for every call share the share; those for some calls come on top.
    let each = share / 9.0;
    let mut plan = FaultPlan::new()
        .seed(seed)
        .on("*")
        .chance(each)
        .answer(503, "SlowDown")
        .on("*")
        .chance(each)
        .answer(500, "InternalError")
        .on("*")
        .chance(each)
        .answer_after(500, "InternalError")
        .on("*")
        .chance(each)
        .reset()
        .on("*")
        .chance(each)
        .lose_answer()
        .on("*")
        .chance(each)
        .cut_head()
        .on("*")
        .chance(each)
        .close_after()
        .on("*")
        .chance(each)
        .delay(100)
        .on("*")
        .chance(each)
        .answer_late(100)
        .on("UploadPart")
        .chance(each)
        .cut_request(50_000)
        .on("UploadPart")
        .chance(each)
        .limit_rate(2_000_000)
        .on("Get")
        .chance(each)
        .cut_body()
        .on("Complete")
        .chance(each)
        .error_in_200("InternalError")
        .on("Complete")
        .chance(each)
        .error_in_200_after("InternalError")
        .on("Complete")
        .chance(each)
        .cut_stream();
    plan.rules.iter_mut().for_each(|rule| rule.number = None);
    plan
}
