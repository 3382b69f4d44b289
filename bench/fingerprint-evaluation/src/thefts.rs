//! False accepts: someone else presents the token: strangers who look alike by chance, and thieves, each with what they
//! copied. A thief's language, clock, decoders and network are their own unless the row says that they were copied. All
//! of them send the right origin: a browser would have to be on a page of the site, and a script forges it.

use crate::{
    changes::Goal,
    crowd::Scene,
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
    /// The victim as the token was made for it, and the thief; `None` if there is no such thief for this victim.
    pub(crate) happens: fn(&Scene<'_>, &mut Draws) -> Option<(Visitor, Visitor)>,
}

pub(crate) const THEFTS: &[Theft] = &[
    strangers("two strangers, no loginTimestamp", Goal::None, |scene, draws| {
        let other = scene.crowd.one(draws, |_| true)?;
        Some((anonymous(&scene.victim.visitor), anonymous(&other)))
    }),
    strangers("two strangers of one country, no loginTimestamp", Goal::None, |scene, draws| {
        let other = scene.crowd.one(draws, |_| true)?;
        let other = draws.visitor_from(scene.victim.country, &other.headers);
        Some((anonymous(&scene.victim.visitor), anonymous(&other)))
    }),
    strangers("two strangers, each with a loginTimestamp", Goal::AlwaysRefused, |scene, draws| {
        Some((scene.victim.visitor.clone(), scene.crowd.one(draws, |_| true)?))
    }),
    theft("same browser and system, loginTimestamp not copied", Goal::AlwaysRefused, |scene, draws| {
        let thief = scene.crowd.one(draws, |kind| *kind == scene.victim.kind)?;
        Some((scene.victim.visitor.clone(), on_its_own(thief, draws)))
    }),
    theft("same browser and system, loginTimestamp copied", Goal::None, |scene, draws| {
        copied(scene, scene.crowd.one(draws, |kind| *kind == scene.victim.kind)?)
    }),
    theft(
        "same version of it in one country, loginTimestamp not copied",
        Goal::AlwaysRefused,
        |scene, draws| {
            let thief = draws.visitor_from(scene.victim.country, &scene.victim.visitor.headers);
            Some((scene.victim.visitor.clone(), on_its_own(thief, draws)))
        },
    ),
    theft("same version of it in one country, loginTimestamp copied", Goal::None, |scene, draws| {
        copied(scene, draws.visitor_from(scene.victim.country, &scene.victim.visitor.headers))
    }),
    theft("other browser family, loginTimestamp copied", Goal::AlwaysRefused, |scene, draws| {
        let Kind { family, operating_system, mobile } = &scene.victim.kind;
        copied(
            scene,
            scene.crowd.one(draws, |kind| {
                kind.family != *family && kind.operating_system == *operating_system && kind.mobile == *mobile
            })?,
        )
    }),
    theft("other operating system, loginTimestamp copied", Goal::AlwaysRefused, |scene, draws| {
        let Kind { family, operating_system, .. } = &scene.victim.kind;
        let other = |kind: &Kind| kind.family == *family && kind.operating_system != *operating_system;
        copied(scene, scene.crowd.one(draws, other)?)
    }),
    theft("mobile for desktop, loginTimestamp copied", Goal::AlwaysRefused, |scene, draws| {
        let phone =
            |kind: &Kind| kind.family == scene.victim.kind.family && kind.mobile && !scene.victim.kind.mobile;
        copied(scene, scene.crowd.one(draws, phone)?)
    }),
    theft("curl with the User-Agent", Goal::AlwaysRefused, |scene, draws| {
        Some((scene.victim.visitor.clone(), curl(&scene.victim.visitor, draws)))
    }),
    theft("curl with the User-Agent and loginTimestamp", Goal::AlwaysRefused, |scene, draws| {
        copied(scene, curl(&scene.victim.visitor, draws))
    }),
    theft("curl with the browser's own headers and loginTimestamp", Goal::None, |scene, draws| {
        let languages = scene.victim.visitor.languages.clone();
        let headers = scene.victim.visitor.headers.clone();
        copied(scene, Visitor { headers, languages, ..curl(&scene.victim.visitor, draws) })
    }),
    theft("every header copied, from a page of another site", Goal::AlwaysRefused, |scene, _| {
        copied(scene, Visitor { origin: OTHER_SITE, ..scene.victim.visitor.clone() })
    }),
    theft("every header copied, the network not", Goal::None, |scene, draws| {
        copied(scene, Visitor { address: draws.ipv4(), ..scene.victim.visitor.clone() })
    }),
];

type Happens = fn(&Scene<'_>, &mut Draws) -> Option<(Visitor, Visitor)>;

const fn strangers(name: &'static str, goal: Goal, happens: Happens) -> Theft {
    Theft { name, goal, times: 4, happens }
}

const fn theft(name: &'static str, goal: Goal, happens: Happens) -> Theft {
    Theft { name, goal, times: 1, happens }
}

/// A browser that denies the page its storage.
fn anonymous(visitor: &Visitor) -> Visitor {
    Visitor { login_timestamp: None, ..visitor.clone() }
}

/// The thief's widget starts a new session, or is kept from it.
fn on_its_own(thief: Visitor, draws: &mut Draws) -> Visitor {
    if draws.below(2) == 0 { anonymous(&thief) } else { thief }
}

fn copied(scene: &Scene<'_>, thief: Visitor) -> Option<(Visitor, Visitor)> {
    let login_timestamp = scene.victim.visitor.login_timestamp;
    Some((scene.victim.visitor.clone(), Visitor { login_timestamp, ..thief }))
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
