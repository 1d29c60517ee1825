//! How a source becomes parts: a function of its size, the store's limits and the user's wish. Pure.

mod growing;

use std::fmt;

use serde::Serialize;

use crate::{
    dialect::Limits,
    error::{Error, ErrorKind, Result},
    ident::PartNumber,
};

pub use self::growing::StreamPlan;

/// The default size of a part, and the step by which it grows.
///
/// Large enough that the round trip of a call is small beside the sending of its bytes, and small enough that a
/// broken connection costs little to repeat and that many connections find work in a file of middling size. It lasts
/// for 156 GiB in 10,000 parts; above that the part grows by this step, to no more than the file needs, because
/// whatever is larger only makes repeats dearer.
const STEP: u64 = 16 << 20;

/// What sizes in advice are rounded up to.
const MIB: u64 = 1 << 20;

/// How a source of a known size becomes parts.
///
/// A file that fits into one part is sent by a single PUT: that saves three calls, and a failure repeats no more
/// than the failure of a part would.
///
/// # Examples
/// ```
/// use sealift::{dialect::COS, transfer::Plan};
///
/// let plan = Plan::new(40 << 20, None, COS.limits())?;
/// assert_eq!((plan.parts, plan.part_size), (3, 16 << 20));
/// assert_eq!(plan.spans().map(|span| span.len >> 20).collect::<Vec<_>>(), [16, 16, 8]);
/// # Ok::<(), sealift::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Plan {
    /// Bytes of the source.
    pub size: u64,
    /// Bytes of each part but the last; all bytes if there is a single PUT.
    pub part_size: u64,
    /// How many parts there are; 1 if there is a single PUT.
    pub parts: u32,
    /// Whether one PUT sends everything.
    pub single: bool,
}

/// The bytes of one part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// The part's number.
    pub number: PartNumber,
    /// Where its bytes begin in the source.
    pub offset: u64,
    /// How many they are; 0 only if the source is empty.
    pub len: u64,
}

impl Plan {
    /// Plans a source of `size` bytes, in parts of `part_size` bytes if the user wishes so.
    ///
    /// The same arguments always give the same plan, so that an interrupted upload can be taken up again.
    ///
    /// # Errors
    /// `Config` if the object would be larger than the store takes, or if the given part size is outside the store's
    /// limits or makes too many parts; the hint then says which size works.
    pub fn new(size: u64, part_size: Option<u64>, limits: Limits) -> Result<Self> {
        if size > limits.max_object {
            return Err(Error::new(
                ErrorKind::Config,
                format!("the source has {} bytes, more than an object may have: {}", size, Size(limits.max_object)),
            ));
        }
        let part_size = match part_size {
            Some(wish) => check_part_size(wish, limits)?,
            None => default_part_size(size, limits),
        };
        if size <= part_size && size <= limits.max_put {
            return Ok(Self { size, part_size: size, parts: 1, single: true });
        }
        let parts = size.div_ceil(part_size);
        match u32::try_from(parts) {
            Ok(parts) if parts <= u32::from(limits.max_parts) => Ok(Self { size, part_size, parts, single: false }),
            _ => Err(too_many(size, part_size, parts, limits)),
        }
    }

    /// The same as a multipart upload, of one part if need be.
    pub(crate) fn in_parts(self, limits: Limits) -> Self {
        let part_size =
            if self.single { default_part_size(self.size, limits).max(self.part_size) } else { self.part_size };
        Self { single: false, part_size, ..self }
    }

    /// The parts in order.
    pub fn spans(&self) -> impl Iterator<Item = Span> + use<> {
        let plan = self.clone();
        (0..plan.parts as usize).map_while(PartNumber::at_index).map_while(move |number| plan.span(number))
    }

    /// The part of this number, if the plan has it.
    pub fn span(&self, number: PartNumber) -> Option<Span> {
        if number.index() >= self.parts as usize {
            return None;
        }
        let offset = number.index() as u64 * self.part_size;
        Some(Span { number, offset, len: self.part_size.min(self.size - offset) })
    }
}

/// The smallest multiple of the step with which the parts suffice, within the store's limits.
fn default_part_size(size: u64, limits: Limits) -> u64 {
    let steps = smallest_part(size, limits).div_ceil(STEP).max(1);
    (steps * STEP).clamp(limits.min_part, limits.max_part)
}

fn check_part_size(wish: u64, limits: Limits) -> Result<u64> {
    let refuse = |what: &str, hint: String| {
        let message = format!("a part size of {} is too {what} for this store", Size(wish));
        Err(Error::new(ErrorKind::Config, message).with_hint(hint))
    };
    if wish < limits.min_part.max(1) {
        return refuse("small", format!("parts have at least {}", Size(limits.min_part)));
    }
    if wish > limits.max_part {
        return refuse("large", format!("parts have at most {}", Size(limits.max_part)));
    }
    Ok(wish)
}

fn too_many(size: u64, part_size: u64, parts: u64, limits: Limits) -> Error {
    let works = smallest_part(size, limits).next_multiple_of(MIB).clamp(limits.min_part, limits.max_part);
    Error::new(
        ErrorKind::Config,
        format!("a part size of {} makes {parts} parts, and the store takes {}", Size(part_size), limits.max_parts),
    )
    .with_hint(format!("the smallest part size that works is {}", Size(works)))
}

/// The exact part size below which there would be too many parts.
fn smallest_part(size: u64, limits: Limits) -> u64 {
    size.div_ceil(u64::from(limits.max_parts.max(1)))
}

/// A size as the command line takes it: in the largest unit that says it exactly.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [("GiB", 1 << 30), ("MiB", MIB), ("KiB", 1 << 10)];
        match units.iter().find(|(_, unit)| self.0 > 0 && self.0.is_multiple_of(*unit)) {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None if self.0 == 1 => f.write_str("1 byte"),
            None => write!(f, "{} bytes", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
