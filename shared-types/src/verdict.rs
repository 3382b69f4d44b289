//! Types of JSON members with one possible value, such as `valid:true` and `authorized:false`. With them, a rejection never
//! parses as a success with a missing member, and vice versa.

use monostate::MustBe;

/// The JSON value `true`; any other is an error.
pub type Yes = MustBe!(true);

/// The JSON value `false`; any other is an error.
pub type No = MustBe!(false);
