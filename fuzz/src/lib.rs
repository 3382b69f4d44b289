//! The fuzz targets' properties, without the fuzzer, so that ordinary tests can check them too.

pub mod body;
pub mod fingerprint;
pub mod proof;
pub mod request;
pub mod seeds;
pub mod token;
