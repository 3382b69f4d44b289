//! False accepts: someone else presents the token: strangers who look alike by chance, and thieves, each with what they
//! copied. A thief's language, clock, decoders and network are their own unless the row says that they were copied. All
//! of them send the right origin: a browser would have to be on a page of the site, and a script forges it.

use crate::{
    adaptive::{self, Aim, Knows},
    changes::Goal,
    crowd::Encounter,
    draws::{Draws, OTHER_SITE},
    judges::Kind,
    visitor::Visitor,
};

/// A row: a presenter of a visitor's token.
pub(crate) struct Theft {
    pub(crate) name: &'static str,
    pub(crate) goal: Goal,
    /// Number of cases per visitor.
    pub(crate) times: usize,
    /// One of this many visitors is a victim.
    pub(crate) every: usize,
    /// The victim as the token was made for it, and the thief, once for each try; `None` if there is no such thief for
    /// this victim.
    pub(crate) happens: Happens,
}

pub(crate) const THEFTS: &[Theft] = &[
    strangers("two strangers, no loginTimestamp", Goal::None, |encounter, draws| {
        let other = encounter.crowd.one(draws, |_| true)?;
        once(&anonymous(&encounter.victim.visitor), anonymous(&other))
    }),
    strangers("two strangers of one country, no loginTimestamp", Goal::None, |encounter, draws| {
        let other = encounter.crowd.one(draws, |_| true)?;
        let other = draws.visitor_from(encounter.victim.country, &other.headers);
        once(&anonymous(&encounter.victim.visitor), anonymous(&other))
    }),
    strangers("two strangers, each with a loginTimestamp", Goal::AlwaysRefused, |encounter, draws| {
        once(&encounter.victim.visitor, encounter.crowd.one(draws, |_| true)?)
    }),
    theft("same browser and system, loginTimestamp not copied", Goal::AlwaysRefused, |encounter, draws| {
        let thief = encounter.crowd.one(draws, |kind| *kind == encounter.victim.kind)?;
        once(&encounter.victim.visitor, on_its_own(thief, draws))
    }),
    theft("same browser and system, loginTimestamp copied", Goal::None, |encounter, draws| {
        copied(encounter, encounter.crowd.one(draws, |kind| *kind == encounter.victim.kind)?)
    }),
    theft(
        "same version of it in one country, loginTimestamp not copied",
        Goal::AlwaysRefused,
        |encounter, draws| {
            let thief = draws.visitor_from(encounter.victim.country, &encounter.victim.visitor.headers);
            once(&encounter.victim.visitor, on_its_own(thief, draws))
        },
    ),
    theft("same version of it in one country, loginTimestamp copied", Goal::None, |encounter, draws| {
        copied(encounter, draws.visitor_from(encounter.victim.country, &encounter.victim.visitor.headers))
    }),
    theft("other browser family, loginTimestamp copied", Goal::AcceptedOnlyByLow, |encounter, draws| {
        let Kind { family, operating_system, mobile, .. } = &encounter.victim.kind;
        copied(
            encounter,
            encounter.crowd.one(draws, |kind| {
                kind.family != *family && kind.operating_system == *operating_system && kind.mobile == *mobile
            })?,
        )
    }),
    theft("other operating system, loginTimestamp copied", Goal::AlwaysRefused, |encounter, draws| {
        let Kind { family, operating_system, .. } = &encounter.victim.kind;
        let other = |kind: &Kind| {
            kind.family == *family
                && kind.operating_system != *operating_system
                && !kind.is_face_of(&encounter.victim.kind)
        };
        copied(encounter, encounter.crowd.one(draws, other)?)
    }),
    theft("another face of the browser, loginTimestamp copied", Goal::None, |encounter, draws| {
        copied(encounter, encounter.crowd.one(draws, |kind| kind.is_face_of(&encounter.victim.kind))?)
    }),
    theft("mobile for desktop, loginTimestamp copied", Goal::AlwaysRefused, |encounter, draws| {
        let phone = |kind: &Kind| {
            kind.family == encounter.victim.kind.family
                && kind.mobile
                && !encounter.victim.kind.mobile
                && !kind.is_face_of(&encounter.victim.kind)
        };
        copied(encounter, encounter.crowd.one(draws, phone)?)
    }),
    theft("curl with the User-Agent", Goal::AlwaysRefused, |encounter, draws| {
        once(&encounter.victim.visitor, curl(&encounter.victim.visitor, draws))
    }),
    theft("curl with the User-Agent and loginTimestamp", Goal::AlwaysRefused, |encounter, draws| {
        copied(encounter, curl(&encounter.victim.visitor, draws))
    }),
    theft("curl with the browser's own headers and loginTimestamp", Goal::None, |encounter, draws| {
        let languages = encounter.victim.visitor.languages.clone();
        let headers = encounter.victim.visitor.headers.clone();
        copied(encounter, Visitor { headers, languages, ..curl(&encounter.victim.visitor, draws) })
    }),
    theft(
        "other browser by its honest name, every other header copied",
        Goal::AcceptedOnlyByLow,
        |encounter, draws| copied(encounter, adaptive::renamed(&encounter.victim.visitor, draws)?),
    ),
    theft(
        "other browser by its honest name, loginTimestamp copied",
        Goal::AcceptedOnlyByLow,
        |encounter, draws| {
            let own = draws.visitor(&encounter.victim.visitor.headers);
            copied(encounter, adaptive::renamed(&own, draws)?)
        },
    ),
    theft("adaptive: token only, omits the rest", Goal::AlwaysRefused, |encounter, _| {
        let (victim, thief) = adaptive::omits(encounter, Knows::Nothing)?;
        Some((victim, thief.iter().map(anonymous).collect()))
    }),
    theft("adaptive: loginTimestamp, omits the rest", Goal::AlwaysRefused, |encounter, _| {
        adaptive::omits(encounter, Knows::Nothing)
    }),
    theft(
        "adaptive: loginTimestamp, family and system, omits the rest",
        Goal::AlwaysRefused,
        |encounter, _| adaptive::omits(encounter, Knows::Kind),
    ),
    theft(
        "adaptive: loginTimestamp, family, system and version, omits the rest",
        Goal::AlwaysRefused,
        |encounter, _| adaptive::omits(encounter, Knows::UserAgent),
    ),
    theft(
        "adaptive: loginTimestamp, one guess, aimed at `medium`",
        Goal::QuarterAndEighth,
        |encounter, draws| adaptive::guesses_once(encounter, Knows::Nothing, Aim::Medium, draws),
    ),
    theft(
        "adaptive: loginTimestamp, one guess, aimed at `high`",
        Goal::QuarterAndEighth,
        |encounter, draws| adaptive::guesses_once(encounter, Knows::Nothing, Aim::High, draws),
    ),
    theft(
        "adaptive: loginTimestamp, one guess from the visitor's network, aimed at `medium`",
        Goal::None,
        |encounter, draws| {
            adaptive::guesses_once(encounter, Knows::Nothing, Aim::MediumFromTheNetwork, draws)
        },
    ),
    theft(
        "adaptive: loginTimestamp, family and system, one guess, aimed at `medium`",
        Goal::None,
        |encounter, draws| adaptive::guesses_once(encounter, Knows::Kind, Aim::Medium, draws),
    ),
    theft(
        "adaptive: loginTimestamp, family and system, one guess, aimed at `high`",
        Goal::None,
        |encounter, draws| adaptive::guesses_once(encounter, Knows::Kind, Aim::High, draws),
    ),
    theft(
        "adaptive: loginTimestamp, family, system and version, one guess, aimed at `medium`",
        Goal::None,
        |encounter, draws| adaptive::guesses_once(encounter, Knows::UserAgent, Aim::Medium, draws),
    ),
    theft(
        "adaptive: loginTimestamp, family, system and version, one guess, aimed at `high`",
        Goal::None,
        |encounter, draws| adaptive::guesses_once(encounter, Knows::UserAgent, Aim::High, draws),
    ),
    often("adaptive: loginTimestamp, 200 guesses", |encounter, draws| {
        adaptive::guesses_often(encounter, Knows::Nothing, draws)
    }),
    often("adaptive: loginTimestamp, family and system, 200 guesses", |encounter, draws| {
        adaptive::guesses_often(encounter, Knows::Kind, draws)
    }),
    often("adaptive: loginTimestamp, family, system and version, 200 guesses", |encounter, draws| {
        adaptive::guesses_often(encounter, Knows::UserAgent, draws)
    }),
    theft("every header copied, from a page of another site", Goal::AlwaysRefused, |encounter, _| {
        copied(encounter, Visitor { origin: OTHER_SITE, ..encounter.victim.visitor.clone() })
    }),
    theft("every header copied, the network not", Goal::None, |encounter, draws| {
        copied(encounter, Visitor { address: draws.ipv4(), ..encounter.victim.visitor.clone() })
    }),
];

type Happens = fn(&Encounter<'_>, &mut Draws) -> Option<(Visitor, Vec<Visitor>)>;

const fn strangers(name: &'static str, goal: Goal, happens: Happens) -> Theft {
    Theft { name, goal, times: 4, every: 1, happens }
}

const fn theft(name: &'static str, goal: Goal, happens: Happens) -> Theft {
    Theft { name, goal, times: 1, every: 1, happens }
}

/// 200 tries take long, so a tenth of the visitors is enough.
const fn often(name: &'static str, happens: Happens) -> Theft {
    Theft { name, goal: Goal::None, times: 1, every: 10, happens }
}

/// A thief with a single try.
fn once(owner: &Visitor, thief: Visitor) -> Option<(Visitor, Vec<Visitor>)> {
    Some((owner.clone(), vec![thief]))
}

/// A browser that denies the page its storage.
fn anonymous(visitor: &Visitor) -> Visitor {
    Visitor { login_timestamp: None, ..visitor.clone() }
}

/// The thief's widget starts a new session, or is kept from it.
fn on_its_own(thief: Visitor, draws: &mut Draws) -> Visitor {
    if draws.below(2) == 0 { anonymous(&thief) } else { thief }
}

fn copied(encounter: &Encounter<'_>, thief: Visitor) -> Option<(Visitor, Vec<Visitor>)> {
    let login_timestamp = encounter.victim.visitor.login_timestamp;
    once(&encounter.victim.visitor, Visitor { login_timestamp, ..thief })
}

/// A script that sends the victim's User-Agent and origin, and otherwise what curl sends: nothing.
fn curl(victim: &Visitor, draws: &mut Draws) -> Visitor {
    let mut curl = Visitor {
        languages: Vec::new(),
        widget: None,
        login_timestamp: None,
        address: draws.ipv4(),
        ..victim.clone()
    };
    curl.headers.accept_encoding = None;
    curl.headers.sec_ch_ua = None;
    curl.headers.sec_ch_ua_mobile = None;
    curl.headers.sec_ch_ua_platform = None;
    curl
}
