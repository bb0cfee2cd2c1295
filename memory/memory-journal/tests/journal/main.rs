//! The journal from outside: the port's suite, reopening, crashes and damage.

#[cfg(test)]
mod budgets;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod migration;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod reading;
#[cfg(test)]
mod salvaging;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod sharing;
#[cfg(test)]
mod tampering;
