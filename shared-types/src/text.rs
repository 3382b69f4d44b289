//! Patterns of texts in schemas (ECMA-262).

/// Plain text: no control characters except tabs and line breaks, and not only characters that reorder others, which are
/// taken out.
pub(crate) const PLAIN: &str =
    r"^[^\u0000-\u0008\u000e-\u001f\u007f-\u0084\u0086-\u009f\u202a-\u202e\u2066-\u2069]+$";

/// A name: no control characters, and none that reorder others.
pub(crate) const NAME: &str = r"^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$";
