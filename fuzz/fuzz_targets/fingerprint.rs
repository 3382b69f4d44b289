//! `cargo fuzz run fingerprint`
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::fingerprint::headers(data));
