//! The fuzz targets' properties, without the fuzzer, so that ordinary tests can check them too.

pub mod fingerprint;
