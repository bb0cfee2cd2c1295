//! The planner against endpoints that are scripted, broken, hostile or real.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod real;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;
