//! The visitors of one site: token owners, and the others who may present a token.

use std::collections::BTreeMap;

use crate::{
    draws::{Country, Draws},
    judges::{Judges, Kind, View, kind},
    population::HeaderSet,
    visitor::Visitor,
};

/// A visitor.
pub(crate) struct One {
    pub(crate) visitor: Visitor,
    pub(crate) country: &'static Country,
    pub(crate) kind: Kind,
    /// What its token is bound to.
    pub(crate) sealed: View,
}

/// All visitors.
pub(crate) struct Crowd {
    pub(crate) visitors: Vec<One>,
    /// Their headers, by kind of browser.
    kinds: BTreeMap<Kind, Vec<HeaderSet>>,
}

/// The token's owner, and all others.
pub(crate) struct Encounter<'a> {
    pub(crate) victim: &'a One,
    pub(crate) crowd: &'a Crowd,
}

impl Crowd {
    pub(crate) fn of(population: &[HeaderSet], judges: &Judges, draws: &mut Draws) -> Self {
        let mut crowd = Self { visitors: Vec::new(), kinds: BTreeMap::new() };
        for headers in population {
            let country = draws.country();
            let visitor = draws.visitor_from(country, headers);
            let (Some(kind), Some(sealed)) = (kind(&visitor), judges.view(&visitor)) else { continue };
            crowd.kinds.entry(kind.clone()).or_default().push(headers.clone());
            crowd.visitors.push(One { visitor, country, kind, sealed });
        }
        crowd
    }

    pub(crate) fn encounters(&self) -> impl Iterator<Item = Encounter<'_>> {
        self.visitors.iter().map(|victim| Encounter { victim, crowd: self })
    }

    /// Another visitor of the wanted kinds, in another place.
    pub(crate) fn one(&self, draws: &mut Draws, wanted: impl Fn(&Kind) -> bool) -> Option<Visitor> {
        let kinds: Vec<&[HeaderSet]> =
            self.kinds.iter().filter(|(kind, _)| wanted(kind)).map(|(_, sets)| sets.as_slice()).collect();
        let mut at = draws.below(kinds.iter().map(|sets| sets.len() as u32).sum()) as usize;
        let headers = kinds.iter().find_map(|sets| {
            let found = sets.get(at);
            at = at.saturating_sub(sets.len());
            found
        })?;
        Some(draws.visitor(headers))
    }
}
