//! A whole agent between scripted ports, in paused time.

#[cfg(test)]
mod bench;
#[cfg(test)]
mod interests;
#[cfg(test)]
mod lanes;
#[cfg(test)]
mod outcomes;
#[cfg(test)]
mod planners;
#[cfg(test)]
mod shutdown;
