//! The visitors of one site: token owners, and the others who may present a token.

use std::collections::BTreeMap;

use crate::{
    adaptive::Guesses,
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
    /// For each set of headers, its number of visitors and the place of the first.
    pub(crate) frequencies: Vec<(u32, usize)>,
    /// Guesses at visitors.
    pub(crate) guesses: Guesses,
}

/// The token's owner, and all others.
pub(crate) struct Encounter<'a> {
    pub(crate) victim: &'a One,
    pub(crate) crowd: &'a Crowd,
}

impl Crowd {
    pub(crate) fn of(population: &[HeaderSet], judges: &Judges, draws: &mut Draws) -> Self {
        let (mut visitors, mut kinds) = (Vec::new(), BTreeMap::<Kind, Vec<HeaderSet>>::new());
        for headers in population {
            let country = draws.country();
            let visitor = draws.visitor_from(country, headers);
            let (Some(kind), Some(sealed)) = (kind(&visitor), judges.view(&visitor)) else { continue };
            kinds.entry(kind.clone()).or_default().push(headers.clone());
            visitors.push(One { visitor, country, kind, sealed });
        }
        let mut frequencies: Vec<(u32, usize)> = Vec::new();
        for (place, one) in visitors.iter().enumerate() {
            let same = |first: usize| {
                visitors.get(first).is_some_and(|other: &One| other.visitor.headers == one.visitor.headers)
            };
            match frequencies.iter_mut().find(|(_, first)| same(*first)) {
                Some((count, _)) => *count += 1,
                None => frequencies.push((1, place)),
            }
        }
        let guesses = Guesses::of(&visitors);
        Self { visitors, kinds, frequencies, guesses }
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
