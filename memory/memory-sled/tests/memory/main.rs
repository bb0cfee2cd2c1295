//! The memory from outside: the port's suite, a comparison with a list, reopening, crashes and damage.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod list;
#[cfg(test)]
mod sample;
