//! What the fuzz targets do with their bytes, apart from the fuzzer, so that ordinary tests can do it too.

pub mod fingerprint;
