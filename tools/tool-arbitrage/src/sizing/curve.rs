//! Constant products, one after the other, are one: Möbius transformations compose.
#![expect(clippy::float_arithmetic, reason = "says where to look; every amount is quoted in integers")]

/// What a curve's numbers are wrong by at most, relatively: see [`Curve::best`].
pub(super) const ERROR: f64 = 1.6e-14;

/// `slope · x / (1 + bend · x)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Curve {
    pub(super) slope: f64,
    pub(super) bend: f64,
}

impl Curve {
    /// What goes in comes out.
    pub(super) const IDENTITY: Self = Self { slope: 1.0, bend: 0.0 };

    /// What comes out of this goes into `next`.
    #[inline]
    pub(super) fn then(self, next: Self) -> Self {
        Self { slope: self.slope * next.slope, bend: self.bend + next.bend * self.slope }
    }

    #[inline]
    pub(super) fn at(self, x: f64) -> f64 {
        self.slope * x / (1.0 + self.bend * x)
    }

    /// What the next unit brings after `x`.
    #[inline]
    pub(super) fn slope_at(self, x: f64) -> f64 {
        let depth = 1.0 + self.bend * x;
        self.slope / (depth * depth)
    }

    /// Where `y` comes out: infinite where it never does.
    pub(super) fn back(self, y: f64) -> f64 {
        let left = self.slope - self.bend * y;
        if left > 0.0 { y / left } else { f64::INFINITY }
    }

    /// `1 + bend · x` at the best x, where the next unit brings exactly `price`. More than 1 where anything can be gained.
    ///
    /// Four hops are 4 products of eight roundings and 8 more to compose them, so that slope and bend are within 40 · 2^-53, which
    /// is 4.5e-15, of the truth, and the root within 2.4e-15: [`ERROR`] is more than three times either.
    #[inline]
    pub(super) fn best(self, price: f64) -> f64 {
        (self.slope / price).sqrt()
    }
}

/// The float of an amount, within one of its last places. In halves, which is several times as fast as the language's own.
#[inline]
#[expect(clippy::as_conversions, clippy::cast_precision_loss, reason = "an approximation is what is meant")]
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is meant")]
pub(crate) const fn approximate(amount: u128) -> f64 {
    const HALF: f64 = 18_446_744_073_709_551_616.0;
    let (high, low) = ((amount >> 64) as u64, amount as u64);
    high as f64 * HALF + low as f64
}

/// The whole part, or the nearest that there is: zero for what is no number.
#[expect(clippy::as_conversions, reason = "such a cast saturates")]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "and that is meant")]
pub(super) const fn whole(amount: f64) -> u128 {
    amount as u128
}
