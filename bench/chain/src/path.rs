//! The measured paths.

use clap::ValueEnum;

/// A request and the services it passes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub enum Path {
    /// `B ->> FWO ->> FAS ->> SAS`: creates a token, with the feature on.
    Create,
    /// The same with the feature off.
    CreateOff,
    /// `B ->> FWO ->> FAS ->> SAS`: refreshes a token.
    Refresh,
    /// `FAS ->> SAS`: validates a token.
    Validate,
    /// `B ->> FWO ->> FAS ->> SAS`: opens a conversation.
    Open,
    /// The same: sends a message.
    Message,
}

impl Path {
    /// All paths, in the order of measurement and report.
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
