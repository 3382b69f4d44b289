//! The stack as people start it: the binary, what it prints, writes and leaves behind, and how it ends.

mod alone;
mod crash;
mod first_minutes;
mod lost_answer;
mod one_process;
mod orphan;
mod shadow;
mod silence;
mod stop;
