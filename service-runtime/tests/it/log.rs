//! The log: what a line says, and that none is lost, torn or late.

mod line;
mod log_writer;
mod process;
mod written;
