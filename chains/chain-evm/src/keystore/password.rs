//! A password: wiped when dropped, never shown.

use std::fmt;

use zeroize::Zeroizing;

/// The password of a keystore. Its memory is wiped when it is dropped; `Debug` shows nothing of it.
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes the text over, without a copy. The bytes are used as they are: no trimming, no Unicode normalisation.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for Password {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password(..)")
    }
}
