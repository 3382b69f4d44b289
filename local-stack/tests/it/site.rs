//! The customer's site: its files, the arrows that it streams and the buttons that let something go wrong, before a real
//! stack.

mod arrows;
mod buttons;
mod files;
mod visit;
