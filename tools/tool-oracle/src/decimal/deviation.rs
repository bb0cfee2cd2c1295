//! How far one number is from another, as a fraction that is never computed.

use std::fmt;

use super::{Decimal, Wide, times_ten_to};

/// `part / whole`, both of them sizes in one unit. What a whole of nothing means is for each network's rules to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deviation {
    part: Wide,
    whole: Wide,
}

impl Deviation {
    /// `|new - old| / |old|`.
    pub(crate) fn between(old: Decimal, new: Decimal) -> Self {
        let (whole, size) = old.aligned(new);
        Self { part: distance((old, whole), (new, size)), whole }
    }

    /// `|new - old| / |unit|`, `None` where that does not fit.
    pub(crate) fn apart(old: Decimal, new: Decimal, unit: Decimal) -> Option<Self> {
        let scale = old.decimals.max(new.decimals).max(unit.decimals);
        let (old_size, new_size) = (old.magnitude_at(scale)?, new.magnitude_at(scale)?);
        let part = distance((old, old_size), (new, new_size));
        Some(Self { part, whole: unit.magnitude_at(scale)? })
    }

    /// Whether the part is more than the whole.
    pub(crate) fn exceeds_whole(self) -> bool {
        self.part > self.whole
    }

    /// `|part| / |whole|`.
    pub(crate) fn share(part: Decimal, whole: Decimal) -> Self {
        let (part, whole) = part.aligned(whole);
        Self { part, whole }
    }

    /// Whether there is nothing to divide by.
    pub(crate) fn has_no_whole(self) -> bool {
        self.whole.is_zero()
    }

    /// Whether the part is nothing.
    pub(crate) fn has_no_part(self) -> bool {
        self.part.is_zero()
    }

    /// Whether it is at least `percent` per cent, for a whole that is something: `100 * part >= percent * whole`.
    pub(crate) fn reaches(self, percent: Decimal) -> bool {
        let (part, threshold) = self.against(percent);
        percent.is_negative() || part >= threshold
    }

    /// Whether it is more than `percent` per cent, for a whole that is something.
    pub(crate) fn exceeds(self, percent: Decimal) -> bool {
        let (part, threshold) = self.against(percent);
        percent.is_negative() || part > threshold
    }

    /// The part and the size of so many per cent of the whole, in one unit.
    fn against(self, percent: Decimal) -> (Wide, Wide) {
        let part = times_ten_to(self.part.saturating_mul(Wide::from(100u8)), percent.decimals);
        (part, self.whole.saturating_mul(Wide::from(percent.digits.unsigned_abs())))
    }
}

/// How far two numbers with these sizes are apart: less than 513 bits.
fn distance((old, old_size): (Decimal, Wide), (new, new_size): (Decimal, Wide)) -> Wide {
    if old.is_negative() == new.is_negative() {
        old_size.abs_diff(new_size)
    } else {
        old_size.saturating_add(new_size)
    }
}

impl fmt::Display for Deviation {
    /// In per cent with four decimals, cut off: for a person's eye only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(share) = self.part.saturating_mul(Wide::from(1_000_000u32)).checked_div(self.whole) else {
            return f.write_str("infinite");
        };
        let (unit, zero) = (Wide::from(10_000u32), Wide::ZERO);
        let (whole, rest) =
            (share.checked_div(unit).unwrap_or(zero), share.checked_rem(unit).unwrap_or(zero));
        let rest = rest.to_string();
        write!(f, "{whole}.{rest:0>4} %")
    }
}
