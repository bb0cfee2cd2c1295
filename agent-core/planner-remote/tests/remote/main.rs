//! The planner against endpoints that are scripted, broken or hostile.

#[cfg(test)]
mod faults;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod secrets;
#[cfg(test)]
mod server;
