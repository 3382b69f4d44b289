//! The paths that are measured.

use clap::ValueEnum;

/// A call, and which services it goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Path {
    /// `B ->> FWO ->> FAS ->> SAS`: a token, with the feature on.
    Create,
    /// The same with the feature off.
    CreateOff,
    /// `B ->> FWO ->> FAS ->> SAS`: a token for a token.
    Refresh,
    /// `FAS ->> SAS`: a token is judged.
    Validate,
    /// `B ->> FWO ->> FAS ->> SAS`: a conversation is opened.
    Open,
    /// The same: a message is sent.
    Message,
}

impl Path {
    /// All of them, in the order in which they are measured and told.
    pub(crate) const ALL: [Self; 6] =
        [Self::Create, Self::CreateOff, Self::Refresh, Self::Validate, Self::Open, Self::Message];

    /// The name in the report.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Path::Create => "create",
            Path::CreateOff => "create, feature off",
            Path::Refresh => "refresh",
            Path::Validate => "validate, SAS alone",
            Path::Open => "open conversation",
            Path::Message => "message",
        }
    }
}
