//! Types of JSON members with one possible value, such as `valid:true` and `authorized:false`. With them, a rejection never
//! parses as a success with a missing member, and vice versa.

use monostate::MustBe;
use schemars::{Schema, SchemaGenerator, json_schema};

/// The JSON value `true`; any other is an error.
pub type Yes = MustBe!(true);

/// The JSON value `false`; any other is an error.
pub type No = MustBe!(false);

/// The schema of [`Yes`].
pub(crate) fn yes(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": true })
}

/// The schema of [`No`].
pub(crate) fn no(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "const": false })
}
