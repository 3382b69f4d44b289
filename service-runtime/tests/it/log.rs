//! The log: the format of a line, and that none is lost, torn or late.

mod line;
mod log_writer;
mod process;
pub(crate) mod written;
