//! The visitors of one site, all at once: whom a token is made for, and who else there is to present it.

use std::collections::BTreeMap;

use crate::{
    draws::{Country, Draws},
    judges::{Judges, Kind, Look, kind},
    population::HeaderSet,
    visitor::Visitor,
};

/// One of them.
pub(crate) struct One {
    pub(crate) visitor: Visitor,
    pub(crate) country: &'static Country,
    pub(crate) kind: Kind,
    /// What its token is bound to.
    pub(crate) sealed: Look,
}

/// All of them.
pub(crate) struct Crowd {
    pub(crate) visitors: Vec<One>,
    /// Their headers, by what a browser looks like at first glance.
    kinds: BTreeMap<Kind, Vec<HeaderSet>>,
}

/// Whose token it is, and everybody else.
pub(crate) struct Scene<'a> {
    pub(crate) victim: &'a One,
    pub(crate) crowd: &'a Crowd,
}

impl Crowd {
    pub(crate) fn of(population: &[HeaderSet], judges: &Judges, draws: &mut Draws) -> Self {
        let mut crowd = Self { visitors: Vec::new(), kinds: BTreeMap::new() };
        for headers in population {
            let country = draws.country();
            let visitor = draws.visitor_from(country, headers);
            let (Some(kind), Some(sealed)) = (kind(&visitor), judges.look_at(&visitor)) else { continue };
            crowd.kinds.entry(kind.clone()).or_default().push(headers.clone());
            crowd.visitors.push(One { visitor, country, kind, sealed });
        }
        crowd
    }

    pub(crate) fn scenes(&self) -> impl Iterator<Item = Scene<'_>> {
        self.visitors.iter().map(|victim| Scene { victim, crowd: self })
    }

    /// Anybody of the kinds that are wanted, somewhere else.
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
