//! `cargo fuzz run proof`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::proof::verifies(data));
