//! The stack as users start it: the binary, its output and files, and its shutdown.

mod crash;
mod first_minutes;
mod lost_answer;
mod one_process;
mod orphan;
pub(crate) mod separate_services;
mod shadow;
mod silence;
mod stop;
mod terminal;
