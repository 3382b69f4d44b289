//! The adaptive thief: one who holds the token and `loginTimestamp`, omits what is unknown to them or guesses it, and knows the
//! population as well as the evaluation does. His guesses are the most probable ones.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    crowd::{Crowd, Encounter, One},
    draws::{Draws, SITE},
    population::HeaderSet,
    visitor::{Clock, Visitor, Widget},
};

/// What the thief knows of the browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Knows {
    Nothing,
    Kind,
    UserAgent,
}

/// The level and place that a guess at language and clock is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aim {
    /// `medium`, from another network.
    Medium,
    /// `medium`, from the visitor's own network.
    MediumFromTheNetwork,
    /// `high`, from another network.
    High,
}

/// Number of guesses of a patient thief.
const GUESSES: usize = 200;

/// The best guesses at the languages and clock of a crowd's visitors.
pub(crate) struct Guesses {
    /// The one that most visitors meet.
    medium: Option<Guess>,
    medium_from_the_network: Option<Guess>,
    /// In the order of the visitors that each adds to those before it, with that number.
    high: Vec<(u32, Guess)>,
}

/// The part of a visitor that no header of the browser tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Person {
    language: &'static str,
    offset: i16,
}

/// What a thief sends in a person's place. The two languages differ if that is accepted more often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Guess {
    accept_language: &'static str,
    settings_language: &'static str,
    offset: i16,
}

impl Person {
    fn of(visitor: &Visitor) -> Option<Self> {
        let language = visitor.languages.first()?.split('-').next()?;
        Some(Self { language, offset: visitor.widget.as_ref()?.clock.offset() })
    }
}

impl Guess {
    /// Whether the policy accepts it for this person, if all else is equal.
    fn meets(self, person: Person, aim: Aim) -> bool {
        let header = self.accept_language == person.language;
        let settings = self.settings_language == person.language;
        let clock = self.offset.abs_diff(person.offset) <= 60;
        match aim {
            Aim::Medium => (header && settings) || (clock && (header || settings)),
            Aim::MediumFromTheNetwork => (header && settings) || clock,
            Aim::High => settings && clock,
        }
    }
}

impl Guesses {
    pub(crate) fn of(visitors: &[One]) -> Self {
        let mut people = BTreeMap::<Person, u32>::new();
        for person in visitors.iter().filter_map(|one| Person::of(&one.visitor)) {
            *people.entry(person).or_default() += 1;
        }
        let people: Vec<(u32, Person)> = people.into_iter().map(|(person, count)| (count, person)).collect();
        let first = |aim| best(&people, aim, 1).first().map(|(_, guess)| *guess);
        Self {
            medium: first(Aim::Medium),
            medium_from_the_network: first(Aim::MediumFromTheNetwork),
            high: best(&people, Aim::High, GUESSES),
        }
    }

    fn first(&self, aim: Aim) -> Option<Guess> {
        match aim {
            Aim::Medium => self.medium,
            Aim::MediumFromTheNetwork => self.medium_from_the_network,
            Aim::High => self.high.first().map(|(_, guess)| *guess),
        }
    }
}

/// Guesses in the order of the visitors that each adds to those before it, with that number.
fn best(people: &[(u32, Person)], aim: Aim, most: usize) -> Vec<(u32, Guess)> {
    let languages: BTreeSet<_> = people.iter().map(|(_, person)| person.language).collect();
    let offsets: BTreeSet<_> = people.iter().map(|(_, person)| person.offset).collect();
    let mut all = Vec::new();
    for accept_language in &languages {
        for settings_language in &languages {
            // Only `medium` rewards two languages.
            if aim == Aim::Medium || accept_language == settings_language {
                all.extend(offsets.iter().map(|&offset| Guess {
                    accept_language,
                    settings_language,
                    offset,
                }));
            }
        }
    }
    let (mut left, mut best) = (people.to_vec(), Vec::new());
    while best.len() < most {
        let gain = |guess: &Guess| -> u32 {
            left.iter().filter(|(_, person)| guess.meets(*person, aim)).map(|(count, _)| count).sum()
        };
        match all.iter().map(|guess| (gain(guess), *guess)).max() {
            Some((gained, guess)) if gained > 0 => {
                left.retain(|(_, person)| !guess.meets(*person, aim));
                best.push((gained, guess));
            }
            Some(_) | None => break,
        }
    }
    best
}

/// Header sets that agree with what the thief knows, the most frequent first, with their number of visitors.
fn best_headers(encounter: &Encounter<'_>, knows: Knows) -> Vec<(u32, HeaderSet)> {
    let victim = encounter.victim;
    let agrees = |one: &One| match knows {
        Knows::Nothing => true,
        Knows::Kind => one.kind == victim.kind,
        Knows::UserAgent => one.visitor.headers.user_agent == victim.visitor.headers.user_agent,
    };
    let mut sets: Vec<(u32, HeaderSet)> = Vec::new();
    for (count, one) in encounter.crowd.distinct().filter(|(_, one)| agrees(one)) {
        sets.push((count, one.visitor.headers.clone()));
    }
    sets.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    sets
}

/// A thief who sends the most frequent headers that agree with what he knows, and omits language, clock and the rest of
/// what the widget would send, save for what most browsers send alike.
pub(crate) fn omits(encounter: &Encounter<'_>, knows: Knows) -> Option<(Visitor, Vec<Visitor>)> {
    let (_, headers) = best_headers(encounter, knows).into_iter().next()?;
    let victim = &encounter.victim.visitor;
    let thief = Visitor { headers, languages: Vec::new(), widget: None, ..victim.clone() };
    Some((victim.clone(), vec![thief]))
}

/// A thief who also sends the most probable language and clock, once.
pub(crate) fn guesses_once(
    encounter: &Encounter<'_>,
    knows: Knows,
    aim: Aim,
    draws: &mut Draws,
) -> Option<(Visitor, Vec<Visitor>)> {
    let (_, headers) = best_headers(encounter, knows).into_iter().next()?;
    let guess = encounter.crowd.guesses.first(aim)?;
    let victim = &encounter.victim.visitor;
    let mut thief = thief(victim, headers, guess, draws);
    if aim == Aim::MediumFromTheNetwork {
        thief.address = victim.address;
    }
    Some((victim.clone(), vec![thief]))
}

/// A thief with 200 guesses, the most probable combinations of headers, language and clock. No refusal counts against
/// him.
pub(crate) fn guesses_often(
    encounter: &Encounter<'_>,
    knows: Knows,
    draws: &mut Draws,
) -> Option<(Visitor, Vec<Visitor>)> {
    let mut guesses: Vec<(u64, HeaderSet, Guess)> = Vec::new();
    for (count, headers) in best_headers(encounter, knows).into_iter().take(GUESSES) {
        for (share, guess) in &encounter.crowd.guesses.high {
            guesses.push((u64::from(count) * u64::from(*share), headers.clone(), *guess));
        }
    }
    guesses.sort_by_key(|(probability, _, _)| std::cmp::Reverse(*probability));
    let victim = &encounter.victim.visitor;
    let guesses = guesses.into_iter().take(GUESSES);
    Some((victim.clone(), guesses.map(|(_, headers, guess)| thief(victim, headers, guess, draws)).collect()))
}

fn thief(victim: &Visitor, headers: HeaderSet, guess: Guess, draws: &mut Draws) -> Visitor {
    Visitor {
        headers,
        languages: vec![guess.accept_language],
        widget: Some(Widget {
            language: Some(guess.settings_language),
            cookie_enabled: true,
            clock: Clock { standard: guess.offset, saving: 0, summer: false },
            decoders: (true, true),
        }),
        login_timestamp: victim.login_timestamp,
        origin: SITE,
        address: draws.ipv4(),
    }
}

/// Other browsers, by the names that they add to the User-Agent of the engine, as they are: a sample, not a list that
/// anything depends on.
pub(crate) const OTHER_BROWSERS: [&str; 36] = [
    "Edg/147.0.0.0",
    "OPR/131.0.0.0",
    "Vivaldi/7.6.3797.55",
    "YaBrowser/25.8.0.0",
    "Whale/4.30.0",
    "Electron/38.1.0",
    "QtWebEngine/6.9.0",
    "coc_coc_browser/131.0",
    "QQBrowser/19.1",
    "QIHU 360EE",
    "Avast/147.0.0.0",
    "AVG/147.0.0.0",
    "CCleaner/147.0.0.0",
    "Norton/147.0.0.0",
    "SE 2.X MetaSr 1.0",
    "HuaweiBrowser/15",
    "XiaoMi/MiuiBrowser/14",
    "(Ecosia windows@147)",
    "Ddg/147.0",
    "SamsungBrowser/29.0",
    "UCBrowser/15.1.2.1306",
    "Maxthon/7.5",
    "Quark/7.4",
    "VivoBrowser/24.1",
    "HeyTapBrowser/45.10",
    "AlohaBrowser/6.8",
    "Puffin/10.4",
    "Falkon/25.04",
    "Sleipnir/6.6",
    "LBBROWSER",
    "OPT/5.6",
    "GSA/380.0.1",
    "Instagram 398.0.0.27.83 (iPhone15,3; iOS 18_6_2; en_GB)",
    "[FBAN/FBIOS;FBAV/512.0.0.50.109;FBLC/en_GB]",
    "Line/15.1.0",
    "Snapchat/13.50.0.37 (like Safari/8620.1.16, panda)",
];

/// The visitor's browser under another name.
pub(crate) fn renamed(visitor: &Visitor, draws: &mut Draws) -> Option<Visitor> {
    let name = OTHER_BROWSERS.get(draws.below(OTHER_BROWSERS.len() as u32) as usize)?;
    // Some visitors have that browser.
    let product = name.split(['/', ' ']).next()?;
    let mut renamed = visitor.clone();
    renamed.headers.user_agent = format!("{} {name}", visitor.headers.user_agent);
    (!visitor.headers.user_agent.contains(product)).then_some(renamed)
}

impl Crowd {
    /// A visitor for each set of headers, with the number of visitors who send it.
    fn distinct(&self) -> impl Iterator<Item = (u32, &One)> {
        self.frequencies.iter().filter_map(|(count, place)| Some((*count, self.visitors.get(*place)?)))
    }
}
