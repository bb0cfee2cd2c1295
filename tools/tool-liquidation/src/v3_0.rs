//! The arithmetic of Aave v3.0 (pool revision 1), bit for bit.
//!
//! Every function gives `None` where the contract would revert, so that nothing wraps and nothing panics.

mod account;
mod accrual;
mod configuration;
mod interest;
mod percentage;
mod ray;
mod seizure;

pub use account::{Account, Category, Holding, Moment, Position, Standing};
pub use accrual::Accrual;
pub use configuration::{ReserveConfiguration, UserConfiguration};
pub use interest::{compounded, linear};
pub use percentage::{percent_div, percent_mul};
pub use ray::{RAY, WAD, ray_div, ray_mul, wad_div};
pub use seizure::{Seizure, Terms, close_factor};
