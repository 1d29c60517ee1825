//! How a stream becomes parts: a function of the part's number, the memory and the store's limits. Pure.
//!
//! Nobody knows how long a stream is, and each of its parts is held in memory until the store has it. So parts begin
//! small, because then many are under way at once, and grow, because there are no more than 10,000 of them.

use serde::Serialize;

use super::{STEP, Size, check_part_size};
use crate::{
    dialect::Limits,
    error::{Error, ErrorKind, Result},
    ident::PartNumber,
    transfer::frames::FRAME,
};

/// At first so many parts fit into the memory at once.
const AT_FIRST: u64 = 8;

/// So many of the largest parts fit: while one is read, another is sent.
const AT_LAST: u64 = 2;

/// After so many parts their size has doubled.
///
/// A part then has about a thousandth of what went before it: little is repeated when one breaks, and the parts of the
/// first tens of gigabytes stay small.
const DOUBLES_AFTER: u64 = 1000;

/// How a source of unknown length becomes parts.
///
/// A stream that ends within its first part is sent by a single PUT. One that is longer than [`longest`](Self::longest)
/// fails when it gets there: then larger parts, more memory, or a file to keep it in are needed.
///
/// # Examples
/// ```
/// use sealift::{dialect::COS, transfer::StreamPlan};
///
/// let plan = StreamPlan::new(112 << 20, None, COS.limits())?;
/// assert_eq!((plan.first_part >> 20, plan.largest_part >> 20), (14, 56));
/// assert_eq!(plan.longest >> 30, 498);
/// # Ok::<(), sealift::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct StreamPlan {
    /// Bytes of the first part.
    pub first_part: u64,
    /// Bytes of the largest part.
    pub largest_part: u64,
    /// The most parts.
    pub parts: u32,
    /// Bytes of all these parts together, or the largest object of the store.
    pub longest: u64,
}

impl StreamPlan {
    /// Plans a stream whose parts on their way may take `memory` bytes, as
    /// [`UploaderOptions`](crate::transfer::UploaderOptions) has them; in parts of exactly `part_size` bytes if the user
    /// wishes so.
    ///
    /// # Errors
    /// `Config` if a part does not fit into the memory, or if the given part size is outside the store's limits.
    pub fn new(memory: u64, part_size: Option<u64>, limits: Limits) -> Result<Self> {
        let frame = FRAME as u64;
        // What the budget hands out is whole frames.
        let memory = memory / frame * frame;
        let (first_part, largest_part) = if let Some(wish) = part_size {
            let wish = check_part_size(wish, limits)?;
            (wish, wish)
        } else {
            let first = (memory / AT_FIRST).min(STEP) / frame * frame;
            let first = first.clamp(limits.min_part.max(1), limits.max_part);
            (first, (memory / AT_LAST / frame * frame).clamp(first, limits.max_part.max(first)))
        };
        if largest_part > memory {
            return Err(too_little(memory, largest_part, part_size.is_some()));
        }
        let plan = Self { first_part, largest_part, parts: u32::from(limits.max_parts), longest: 0 };
        let all = (0..plan.parts as usize).map_while(PartNumber::at_index).map(|number| plan.full(number)).sum::<u64>();
        Ok(Self { longest: all.min(limits.max_object), ..plan })
    }

    /// How many bytes the part of this number has if `before` bytes came before it and the stream does not end in it;
    /// `None` if there is no such part.
    pub(crate) fn len(&self, number: PartNumber, before: u64) -> Option<u64> {
        let room = self.longest.checked_sub(before).filter(|room| *room > 0)?;
        (number.index() < self.parts as usize).then(|| self.full(number).min(room))
    }

    /// The size by number alone: it doubles steadily, in whole frames.
    fn full(&self, number: PartNumber) -> u64 {
        let number = number.index() as u64;
        let (doublings, rest) = (number / DOUBLES_AFTER, number % DOUBLES_AFTER);
        let base = u32::try_from(doublings).ok().and_then(|by| self.first_part.checked_mul(1_u64.checked_shl(by)?));
        let grown = base.and_then(|base| {
            let more = base.checked_mul(rest)? / DOUBLES_AFTER / FRAME as u64 * FRAME as u64;
            base.checked_add(more)
        });
        grown.unwrap_or(u64::MAX).min(self.largest_part)
    }

    /// The error for a stream that goes on behind its longest.
    pub(crate) fn outgrown(&self) -> Error {
        let longest = Size(self.longest / super::MIB * super::MIB);
        let message = format!("the stream is longer than {longest}, which is the most that its parts can hold");
        Error::new(ErrorKind::Config, message).with_hint(if self.first_part == self.largest_part {
            "ask for larger parts (--part-size), leave their size to the program, or keep the stream in a file first \
             (--spool DIR)"
        } else {
            "allow more memory (--memory), or keep the stream in a file first (--spool DIR)"
        })
    }
}

fn too_little(memory: u64, part: u64, wished: bool) -> Error {
    let message =
        format!("a part of a stream is held in memory: one of {} does not fit into {}", Size(part), Size(memory));
    Error::new(ErrorKind::Config, message).with_hint(if wished {
        "ask for smaller parts (--part-size), allow more memory (--memory), or keep the stream in a file first \
         (--spool DIR)"
    } else {
        "allow more memory (--memory), or keep the stream in a file first (--spool DIR)"
    })
}

#[cfg(test)]
mod tests;
